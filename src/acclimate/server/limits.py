"""What one request, and all of them together, may take."""

from pydantic import Field

from acclimate.core.record import Record


class Limits(Record):
    """Bounds of the server; what goes beyond them is refused with a sentence."""

    max_body_bytes: int = Field(default=2**20, ge=1)
    """A longer body is answered 413."""
    max_depth: int = Field(default=64, ge=1)
    """Brackets within brackets in a body; deeper ones are answered 422."""
    body_seconds: float = Field(default=20.0, gt=0.0)
    """Time to send the head of a request, and again its body; a slower one is answered 408."""
    max_new_tokens: int = Field(default=4096, ge=1)
    """The longest answer; more is answered 422."""
    default_new_tokens: int = Field(default=256, ge=1)
    """The longest answer of a chat that does not say, and whose task does not."""
    max_answers: int = Field(default=64, ge=1)
    """Answers to one request: its prompts times `n`; more are answered 422."""
    max_texts: int = Field(default=2048, ge=1)
    """Texts to embed in one request; more are answered 422."""
    max_running: int = Field(default=64, ge=1)
    """Requests that are worked on at once, each by a thread."""
    max_waiting: int = Field(default=256, ge=0)
    """Requests that wait for a thread; one more is answered 429."""
    max_workers: int = Field(default=4, ge=1)
    """Processes that answer: one for each processor where networks are so small that one is all
    they use, else one."""
    prefix_bytes: int = Field(default=2**28, ge=0)
    """Memory for keys and values of prompts that begin alike, of each network, in all
    processes together; 0 keeps none."""
    request_seconds: float = Field(default=300.0, gt=0.0)
    """An answer that takes longer is given up with 504; how long stopping waits for the last."""
