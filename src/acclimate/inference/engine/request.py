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
from acclimate.core.runtime.cancellation import LeftError
from acclimate.core.runtime.cost import Cost, spend
from acclimate.inference.engine.draft_length import Guesses, Speculation
from acclimate.inference.engine.sequence_batch import Reader
from acclimate.inference.sampling.sampler import Drawing

IsStop = Callable[[list[int]], bool]
"""Told the new ids of one row; whether that row is done."""
Join = Callable[[Sequence[torch.Tensor], Sequence[int]], torch.Tensor]
"""Logits (B, V) of each reader, and which prompts the rows are, to those that are drawn from."""

Begin = Callable[[int], Drawing]
"""How the answer in a place is drawn."""


def only(logits: Sequence[torch.Tensor], _prompts: Sequence[int]) -> torch.Tensor:
    """What the only reader says."""
    return logits[0]


Seat = tuple["Call", int]
"""Whose answer, and to which prompt."""


class News(NamedTuple):
    """An answer has a new symbol."""

    place: int
    is_over: bool


@dataclass(eq=False)
class Call:
    """Prompts by their places, 0 to N-1, and the answers to them in the making."""

    readers: Sequence[Reader]
    """Of the same prompts in the same order, and of the same symbols."""
    sampling: Sampling
    is_stop: IsStop
    join: Join = only
    """What the readers' logits come to."""
    begin: Begin | None = None
    """How the answer in a place is drawn; None: by `sampling` alone."""
    speculation: Speculation | None = None
    """How answers are guessed ahead, where the only reader can go back; None: they are not."""
    is_streamed: bool = False
    """Whether new symbols are told, not only that an answer is done."""
    is_cancelled: bool = False
    """Whether nobody waits for answers any more."""
    news: SimpleQueue[News | BaseException] = field(default_factory=SimpleQueue)
    """What happened to its answers, or what went wrong."""
    _quiet_until: float = 0.0

    @property
    def can_mix(self) -> bool:
        """Whether its rows may go on together with those of other calls."""
        return all(reader.can_mix for reader in self.readers)

    @cached_property
    def drawings(self) -> list[Drawing]:
        """Of each answer."""
        begin = self.begin or (lambda place: Drawing(self.sampling, place, []))
        return [begin(place) for place in range(len(self.rooms))]

    @cached_property
    def guesses(self) -> list[Guesses | None]:
        """Of each answer; None: it is not guessed ahead."""
        how = self.speculation
        return [how.row() if how else None for _ in self.rooms]

    @cached_property
    def rooms(self) -> list[float]:
        """Symbols that each answer may have."""
        own = zip(*(reader.rooms for reader in self.readers), strict=True)
        return [min(self.sampling.max_new_tokens, *rooms) for rooms in own]

    @cached_property
    def lengths(self) -> list[int]:
        """Places that each prompt and its answer take in the longest of the readers' rows."""
        own = zip(*(reader.lengths for reader in self.readers), strict=True)
        return [max(lengths) + self.sampling.max_new_tokens for lengths in own]

    def is_over(self, place: int) -> bool:
        """Whether an answer is done."""
        written = self.drawings[place].written
        return self.is_cancelled or len(written) >= self.rooms[place] or self.is_stop(written)

    def tell(self, place: int, pause: float = 0.0) -> bool:
        """Let who asked know of an answer's new symbols; whether it is over.

        Args:
            place: Of the answer.
            pause: Seconds from one word of an answer that goes on to the next.
        """
        is_over = self.ends(place)
        now = time.perf_counter()
        if is_over or (self.is_streamed and now >= self._quiet_until):
            self._quiet_until = now + pause
            self.news.put(News(place, is_over))
        return is_over

    def ends(self, place: int) -> bool:
        """Whether an answer is over; where that fails, it is, and who asked is told."""
        try:
            return self.is_over(place)
        except BaseException as error:  # noqa: BLE001 others in the batch go on
            self.fail(error)
            return True

    def fail(self, error: BaseException) -> None:
        """Let who asked know that there will be no answers."""
        self.is_cancelled = True
        self.news.put(error)

    def give_up(self) -> None:
        """Write no further, as nobody waits for answers any more."""
        self.fail(LeftError("who asked went away before the answer was there"))

    def hear(self) -> News:
        """The next news, when it comes.

        Raises:
            BackendError: The network failed.
            LeftError: It was given up.
        """
        news = self.news.get()
        if isinstance(news, News):
            return news
        if isinstance(news, AcclimateError):
            raise news
        raise BackendError(f"the model failed while it answered: {news}") from news

    def spend(self) -> list[list[int]]:
        """Count what was read and written; the answers.

        Raises:
            ConfigError: A constraint that one of them could not be held to.
        """
        answers = [drawing.written for drawing in self.drawings]
        num_new = sum(map(len, answers))
        tallies = [own.tally for own in self.guesses if own]
        for reader in self.readers:
            reader.spend(num_new + sum(tally.num_in_vain for tally in tallies))
        for own in self.guesses:
            spend(Cost(flops=own.flops if own else 0.0))
        spend(Cost(new_tokens=num_new))
        for drawing in self.drawings:
            drawing.require_kept()
        return answers
