"""Guessing ahead in the loop: as many tokens of each row as pay."""

from dataclasses import dataclass, field
from functools import lru_cache
from itertools import takewhile
from typing import Protocol

import torch

from acclimate.inference.sampling.sampler import SamplingState
from acclimate.inference.sampling.speculative_acceptance import StepTimes, expected_gain


@dataclass(frozen=True, slots=True)
class Draft:
    """Guesses at the next tokens of one row."""

    tokens: list[int] = field(default_factory=list)
    probs: torch.Tensor | None = None
    """Distributions (G, V) that they were drawn from; None: there was no chance in it."""

    @property
    def is_drawn(self) -> bool:
        """Whether chance decided: then which tokens are checked must not depend on them."""
        return self.probs is not None


class DraftRow(Protocol):
    """Guesses for one row, which goes on from one call to the next."""

    def draft(self, ids: list[int], num_tokens: int, drawing: SamplingState) -> Draft:
        """What may follow the row so far, `num_tokens` at most, in an answer drawn so."""


class Drafter(Protocol):
    """Guesses for any row."""

    @property
    def flops_per_token(self) -> float:
        """Operations that a guessed token takes."""

    def row(self) -> DraftRow:
        """For one row, from its start on."""


PRIOR_TOKENS = 8
"""Guesses of its own that a row needs, to count as much as what was measured before it."""
KEPT_SHARE = 0.98
"""Of what a row knows of its guesses from pass to pass: one that stopped tries again later."""


@dataclass
class DraftStats:
    """What became of guesses."""

    num_passes: int = 0
    """Passes with guesses in them."""
    num_drafted: int = 0
    """Tokens guessed."""
    num_judged: int = 0
    """Of them, those before which all were right."""
    num_kept: int = 0
    """Of them, those that were right too."""

    @property
    def acceptance(self) -> float:
        """Share of judged guesses that were right; 0 where there were none."""
        return self.num_kept / max(1, self.num_judged)

    @property
    def num_rejected(self) -> int:
        """Tokens that were read for nothing."""
        return self.num_drafted - self.num_kept

    def add(self, num_drafted: int, num_judged: int, num_kept: int) -> None:
        """Count one row's guesses in one pass."""
        self.num_passes += bool(num_drafted)
        self.num_drafted += num_drafted
        self.num_judged += num_judged
        self.num_kept += num_kept


@dataclass(frozen=True)
class Speculation:
    """How the answers of a model are guessed ahead."""

    drafter: Drafter
    choices: tuple[int, ...]
    """Numbers of tokens to draft before a pass; of them what pays most is taken, or none."""
    acceptance: float
    """Share of judged guesses that were kept where it was measured; what a row begins from."""
    pace: StepTimes
    ends: frozenset[int] = frozenset()
    """Tokens that end an answer: what would follow is not guessed."""
    stats: DraftStats = field(default_factory=DraftStats, compare=False)
    """Of all rows so far."""

    def row(self) -> "RowDrafts":
        """For one row."""
        return RowDrafts(self)

    def best(self, num_rows: int, acceptance: float | None = None) -> int:
        """Tokens to guess of each row before a pass over so many; 0 where it does not pay."""
        rate = self.acceptance if acceptance is None else acceptance
        return _best(self.pace, self.choices, round(rate, 2), num_rows)

    def gain(self, num_draft_tokens: int) -> float:
        """How many times as fast, were a pass over many tokens as fast as over one."""
        return expected_gain(self.acceptance, num_draft_tokens, self.pace.draft)


class RowDrafts:
    """One row's guesses: fewer where they turn out wrong, none as long as they do not pay."""

    def __init__(self, how: Speculation) -> None:
        """Expect as many to be right as elsewhere."""
        self.how, self.stats = how, DraftStats()
        self._row = how.drafter.row()
        self._num_judged = self._num_kept = 0.0
        self._run = 0
        """Guesses that were right since the last wrong one."""

    @property
    def acceptance(self) -> float:
        """Share of guesses expected to be right, from those before this row and in it.

        In a run of right ones, such as a quotation, by that run alone (Jeffreys' rule: half a right
        one and half a wrong one before it), if that is more.
        """
        before = PRIOR_TOKENS * self.how.acceptance
        usual = (before + self._num_kept) / (PRIOR_TOKENS + self._num_judged)
        return max(usual, (self._run + 0.5) / (self._run + 1)) if self._run else usual

    @property
    def flops(self) -> float:
        """Operations that guessing took."""
        return self.how.drafter.flops_per_token * self.stats.num_drafted

    def draft(self, ids: list[int], room: int, drawing: SamplingState, num_rows: int) -> Draft:
        """Guesses at what follows the row so far.

        Args:
            ids: Token ids of the row, read and written.
            room: Tokens that may be guessed at most.
            drawing: How its answer is drawn.
            num_rows: In the batch, all of which make a pass dearer.
        """
        self._num_judged *= KEPT_SHARE
        self._num_kept *= KEPT_SHARE
        num = min(room, self.how.best(num_rows, self.acceptance))
        found = self._row.draft(ids, num, drawing) if num > 0 else Draft()
        return found if found.is_drawn else Draft(self._until_end(found.tokens))

    def learn(self, num_drafted: int, num_judged: int, num_kept: int) -> None:
        """What became of the last ones."""
        self._num_judged += num_judged
        self._num_kept += num_kept
        if num_drafted:
            self._run = self._run + num_kept if num_kept == num_drafted else 0
        self.stats.add(num_drafted, num_judged, num_kept)
        self.how.stats.add(num_drafted, num_judged, num_kept)

    def _until_end(self, tokens: list[int]) -> list[int]:
        return list(takewhile(lambda token: token not in self.how.ends, tokens))


@lru_cache(maxsize=4096)
def _best(pace: StepTimes, choices: tuple[int, ...], acceptance: float, num_rows: int) -> int:
    return pace.best(acceptance, choices, num_rows)
