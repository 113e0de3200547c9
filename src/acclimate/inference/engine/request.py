"""A request to the engine: prompts, how they are answered, and a queue of events.

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
"""Whether a sequence that has written these symbols is finished."""
CombineLogits = Callable[[Sequence[torch.Tensor], Sequence[int]], torch.Tensor]
"""From logits (B, V) of each source, and the sequences that the rows are of, to those to draw."""
NewSamplingState = Callable[[int], SamplingState]
"""The sampling state of a sequence, by its index in the request."""


def first_source(logits: Sequence[torch.Tensor], _sequences: Sequence[int]) -> torch.Tensor:
    """The logits of a request's only source, as they are."""
    return logits[0]


SequenceRef = tuple["Request", int]
"""A sequence: its request, and its index in it."""


class TokenEvent(NamedTuple):
    """A sequence has new symbols."""

    sequence: int
    """Its index in the request."""
    is_over: bool
    """Whether they were its last."""


@dataclass(eq=False)
class Request:
    """Prompts to be answered, each a sequence by its index, 0 to N-1.

    A sequence's symbols are tokens, or bytes where sources of different vocabularies write one
    answer together.
    """

    sources: Sequence[SequenceSource]
    """They read the same prompts in the same order, and the same symbols."""
    sampling: Sampling
    is_stop: IsStop
    combine_logits: CombineLogits = first_source
    """How the sources' logits become those that are drawn from."""
    new_sampling_state: NewSamplingState | None = None
    """Makes the sampling state of a sequence; None: it follows from `sampling` alone."""
    speculation: Speculation | None = None
    """How sequences are drafted, where the only source can roll back; None: they are not."""
    is_streamed: bool = False
    """Whether every new symbol is an event, not only a sequence's end."""
    is_cancelled: bool = False
    """Whether nobody waits for the answers any more."""
    events: SimpleQueue[TokenEvent | BaseException] = field(default_factory=SimpleQueue)
    """New symbols and ends of sequences, or the error that ended the request."""
    _quiet_until: float = 0.0

    @property
    def can_batch(self) -> bool:
        """Whether its sequences may run in one batch with those of other requests."""
        return all(source.can_batch for source in self.sources)

    @cached_property
    def sampling_states(self) -> list[SamplingState]:
        """Of each sequence."""
        new = self.new_sampling_state or (lambda index: SamplingState(self.sampling, index, []))
        return [new(index) for index in range(len(self.max_new_tokens_each))]

    @cached_property
    def row_drafts(self) -> list[RowDrafts | None]:
        """Of each sequence; None: it is not drafted."""
        speculation = self.speculation
        return [speculation.row() if speculation else None for _ in self.max_new_tokens_each]

    @cached_property
    def max_new_tokens_each(self) -> list[float]:
        """Symbols that each sequence may write."""
        limits = zip(*(source.max_new_tokens_each for source in self.sources), strict=True)
        return [min(self.sampling.max_new_tokens, *of_sequence) for of_sequence in limits]

    @cached_property
    def kv_slots_each(self) -> list[int]:
        """KV slots that each prompt and its answer take, in the source where they are the most."""
        lengths = zip(*(source.num_prefill_tokens for source in self.sources), strict=True)
        return [max(of_sequence) + self.sampling.max_new_tokens for of_sequence in lengths]

    def is_over(self, index: int) -> bool:
        """Whether a sequence is finished."""
        written = self.sampling_states[index].written
        return (
            self.is_cancelled
            or len(written) >= self.max_new_tokens_each[index]
            or self.is_stop(written)
        )

    def emit(self, index: int, pause: float = 0.0) -> bool:
        """Put an event of a sequence's new symbols into the queue; whether it is finished.

        Args:
            index: Of the sequence.
            pause: Least seconds between two events of sequences that go on.
        """
        is_over = self.is_finished(index)
        now = time.perf_counter()
        if is_over or (self.is_streamed and now >= self._quiet_until):
            self._quiet_until = now + pause
            self.events.put(TokenEvent(index, is_over))
        return is_over

    def is_finished(self, index: int) -> bool:
        """Whether a sequence is finished; an error in finding out fails the request."""
        try:
            return self.is_over(index)
        except BaseException as error:  # noqa: BLE001 others in the batch go on
            self.fail(error)
            return True

    def fail(self, error: BaseException) -> None:
        """End the request with an error, which `next_event` raises."""
        self.is_cancelled = True
        self.events.put(error)

    def abort(self) -> None:
        """End the request, as nobody waits for the answers any more."""
        self.fail(CancelledError("who asked went away before the answer was there"))

    def next_event(self) -> TokenEvent:
        """The next event, once there is one.

        Raises:
            BackendError: The network failed.
            CancelledError: The request was aborted.
        """
        event = self.events.get()
        if isinstance(event, TokenEvent):
            return event
        if isinstance(event, AcclimateError):
            raise event
        raise BackendError(f"the model failed while it answered: {event}") from event

    def collect(self) -> list[list[int]]:
        """The symbols of each sequence; what was read and written is counted.

        Raises:
            ConfigError: A constraint that one of them could not be held to.
        """
        answers = [state.written for state in self.sampling_states]
        num_new = sum(map(len, answers))
        num_rejected = sum(drafts.stats.num_rejected for drafts in self.row_drafts if drafts)
        for source in self.sources:
            source.spend(num_new + num_rejected)
        for drafts in self.row_drafts:
            spend(Cost(flops=drafts.flops if drafts else 0.0))
        spend(Cost(new_tokens=num_new))
        for state in self.sampling_states:
            state.require_kept()
        return answers
