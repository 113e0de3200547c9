"""Prompts asked of the decoding loop at once, and their answers in the making.

Letters: B rows, V vocabulary.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from queue import SimpleQueue
from typing import NamedTuple

import torch

from acclimate.core.errors import AcclimateError, BackendError
from acclimate.core.model import Sampling
from acclimate.core.runtime.cancellation import CancelledError
from acclimate.core.runtime.cost import Cost, spend
from acclimate.inference.engine.draft_length import RowDrafts, Speculation
from acclimate.inference.engine.sequence_batch import SequenceSource
from acclimate.inference.sampling.sampler import SamplingState

IsStop = Callable[[list[int]], bool]
"""Told the new ids of one row; whether that row is done."""
CombineLogits = Callable[[Sequence[torch.Tensor], Sequence[int]], torch.Tensor]
"""Logits (B, V) of each reader, and which prompts the rows are, to those that are drawn from."""

NewSamplingState = Callable[[int], SamplingState]
"""How the answer in a place is drawn."""


def first_source(logits: Sequence[torch.Tensor], _prompts: Sequence[int]) -> torch.Tensor:
    """What the only reader says."""
    return logits[0]


SequenceRef = tuple["Request", int]
"""Whose answer, and to which prompt."""


class TokenEvent(NamedTuple):
    """An answer has a new symbol."""

    place: int
    is_over: bool


@dataclass(eq=False)
class Request:
    """Prompts by their places, 0 to N-1, and the answers to them in the making."""

    sources: Sequence[SequenceSource]
    """Of the same prompts in the same order, and of the same symbols."""
    sampling: Sampling
    is_stop: IsStop
    combine_logits: CombineLogits = first_source
    """What the readers' logits come to."""
    new_sampling_state: NewSamplingState | None = None
    """How the answer in a place is drawn; None: by `sampling` alone."""
    speculation: Speculation | None = None
    """How answers are guessed ahead, where the only reader can go back; None: they are not."""
    is_streamed: bool = False
    """Whether new symbols are told, not only that an answer is done."""
    is_cancelled: bool = False
    """Whether nobody waits for answers any more."""
    events: SimpleQueue[TokenEvent | BaseException] = field(default_factory=SimpleQueue)
    """What happened to its answers, or what went wrong."""
    _quiet_until: float = 0.0

    @property
    def can_batch(self) -> bool:
        """Whether its rows may go on together with those of other calls."""
        return all(reader.can_batch for reader in self.sources)

    @cached_property
    def sampling_states(self) -> list[SamplingState]:
        """Of each answer."""
        begin = self.new_sampling_state or (lambda place: SamplingState(self.sampling, place, []))
        return [begin(place) for place in range(len(self.max_new_tokens_each))]

    @cached_property
    def row_drafts(self) -> list[RowDrafts | None]:
        """Of each answer; None: it is not guessed ahead."""
        how = self.speculation
        return [how.row() if how else None for _ in self.max_new_tokens_each]

    @cached_property
    def max_new_tokens_each(self) -> list[float]:
        """Symbols that each answer may have."""
        own = zip(*(reader.max_new_tokens_each for reader in self.sources), strict=True)
        return [min(self.sampling.max_new_tokens, *rooms) for rooms in own]

    @cached_property
    def kv_slots_each(self) -> list[int]:
        """Places that each prompt and its answer take in the longest of the readers' rows."""
        own = zip(*(reader.num_prefill_tokens for reader in self.sources), strict=True)
        return [max(lengths) + self.sampling.max_new_tokens for lengths in own]

    def is_over(self, place: int) -> bool:
        """Whether an answer is done."""
        written = self.sampling_states[place].written
        return (
            self.is_cancelled
            or len(written) >= self.max_new_tokens_each[place]
            or self.is_stop(written)
        )

    def emit(self, place: int, pause: float = 0.0) -> bool:
        """Let who asked know of an answer's new symbols; whether it is over.

        Args:
            place: Of the answer.
            pause: Seconds from one word of an answer that goes on to the next.
        """
        is_over = self.is_finished(place)
        now = time.perf_counter()
        if is_over or (self.is_streamed and now >= self._quiet_until):
            self._quiet_until = now + pause
            self.events.put(TokenEvent(place, is_over))
        return is_over

    def is_finished(self, place: int) -> bool:
        """Whether an answer is over; where that fails, it is, and who asked is told."""
        try:
            return self.is_over(place)
        except BaseException as error:  # noqa: BLE001 others in the batch go on
            self.fail(error)
            return True

    def fail(self, error: BaseException) -> None:
        """Let who asked know that there will be no answers."""
        self.is_cancelled = True
        self.events.put(error)

    def abort(self) -> None:
        """Write no further, as nobody waits for answers any more."""
        self.fail(CancelledError("who asked went away before the answer was there"))

    def next_event(self) -> TokenEvent:
        """The next news, when it comes.

        Raises:
            BackendError: The network failed.
            LeftError: It was given up.
        """
        news = self.events.get()
        if isinstance(news, TokenEvent):
            return news
        if isinstance(news, AcclimateError):
            raise news
        raise BackendError(f"the model failed while it answered: {news}") from news

    def collect(self) -> list[list[int]]:
        """Count what was read and written; the answers.

        Raises:
            ConfigError: A constraint that one of them could not be held to.
        """
        answers = [drawing.written for drawing in self.sampling_states]
        num_new = sum(map(len, answers))
        tallies = [own.stats for own in self.row_drafts if own]
        for reader in self.sources:
            reader.spend(num_new + sum(tally.num_rejected for tally in tallies))
        for own in self.row_drafts:
            spend(Cost(flops=own.flops if own else 0.0))
        spend(Cost(new_tokens=num_new))
        for drawing in self.sampling_states:
            drawing.require_kept()
        return answers
