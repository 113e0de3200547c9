"""What a person sends to give feedback; lengths are bounded."""

from typing import Annotated, Literal

from pydantic import Field

from acclimate.core.record import Record
from acclimate.server.feedback.store import StoredMessage

MAX_CHARACTERS = 100_000
"""Of a text."""
MAX_MESSAGES = 200
"""Of a dialogue."""

LimitedText = Annotated[str, Field(max_length=MAX_CHARACTERS)]


class ComparisonRequest(Record):
    """A question for two answers."""

    messages: Annotated[tuple[StoredMessage, ...], Field(min_length=1, max_length=MAX_MESSAGES)]
    """The dialogue, up to and with the question."""
    task: LimitedText = ""
    """Task of the domain that it is asked as; empty: none."""


class VoteRequest(Record):
    """A vote."""

    choice: Literal["first", "second", "tie"]
    """The better answer, in the order in which they were shown."""


class About(Record):
    """The answer that something is said of: a side of a comparison, or told in full."""

    ticket: str = ""
    """Of a comparison; empty: the answer is told in full."""
    side: Literal["first", "second"] = "first"
    """Of the comparison."""
    messages: Annotated[tuple[StoredMessage, ...], Field(max_length=MAX_MESSAGES)] = ()
    """The dialogue, up to and with the question."""
    task: LimitedText = ""
    """Task of the domain that it was asked as; empty: none."""
    answer: LimitedText = ""
    """As it was shown."""
    system: LimitedText = ""
    """Who gave it; empty: not known."""


class Rated(About):
    """A rating."""

    rating: Literal["up", "down"]
    """Good or not; of several ratings of one answer the last counts."""


class Corrected(About):
    """A correction."""

    corrected: LimitedText
    """The answer as it should be; of several corrections of one answer the last counts."""
