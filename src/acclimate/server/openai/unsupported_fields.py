"""Fields of OpenAI's API that change nothing here, in values that ask for nothing."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema

from acclimate.core.record import Record


def _refuse_true(value: bool) -> bool:
    if value:
        raise ValueError("must be false")
    return value


Never = Annotated[
    bool,
    AfterValidator(_refuse_true),
    WithJsonSchema({"type": "boolean", "const": False}),
]


def _refuse_penalty(value: float) -> float:
    if value:
        raise ValueError("must be 0; repetition_penalty is what there is")
    return value


def _refuse_any(value: list[Any]) -> list[Any]:
    if value:
        raise ValueError("must be empty, for no tools are called here; response_format sets a form")
    return value


Zero = Annotated[
    float,
    AfterValidator(_refuse_penalty),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": 0}),
]
Nothing = Annotated[
    list[Any],
    AfterValidator(_refuse_any),
    WithJsonSchema({"type": "array", "items": {}, "maxItems": 0}),
]


class Body(Record):
    """What a client sends: a number is no text, and no yes or no."""

    model_config = ConfigDict(strict=True)


class Neutral(Body):
    """What clients send though it is not used; any other value is refused, not passed over."""

    frequency_penalty: Zero | None = None
    """Only 0; `repetition_penalty` is what there is."""
    presence_penalty: Zero | None = None
    """Only 0."""
    logit_bias: Annotated[dict[str, float], Field(max_length=0)] | None = None
    """Only none."""
    user: str | None = None
    """Not kept."""
    store: Never | None = None
    """Nothing is stored."""
    metadata: dict[str, str] | None = None
    """Not kept."""
    service_tier: Literal["auto", "default"] | None = None
    """There is one."""
    safety_identifier: str | None = None
    """Not kept."""
    prompt_cache_key: str | None = None
    """What prompts share is found without it."""


class NeutralChat(Neutral):
    """The same of chats."""

    tools: Nothing | None = None
    """Only none."""
    tool_choice: Literal["none", "auto"] | None = None
    """Without tools there is nothing to choose."""
    parallel_tool_calls: bool | None = None
    """There are none."""
    functions: Nothing | None = None
    """Only none."""
    function_call: Literal["none", "auto"] | None = None
    """Without functions there is nothing to call."""
    modalities: list[Literal["text"]] | None = None
    """Only text."""
    reasoning_effort: Literal["none"] | None = None
    """Only none."""
    verbosity: Literal["medium"] | None = None
    """Only medium."""


class NeutralMessage(Body):
    """The same of what was said: an answer may be sent back as it came."""

    refusal: str | None = None
    """Not read."""
    sources: list[dict[str, str]] | None = None
    """What an answer rests on; not read."""
    annotations: list[Any] | None = None
    """Not read."""
    tool_calls: Nothing | None = None
    """Only none."""
    function_call: None = None
    """Only none."""
    audio: None = None
    """Only none."""


class NeutralCompletion(Neutral):
    """The same of completions."""

    suffix: Literal[""] | None = None
    """Only none."""
    best_of: int | None = Field(default=None, ge=1)
    """Only as many as `n`: all are given."""
