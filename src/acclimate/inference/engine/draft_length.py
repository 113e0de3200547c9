"""Draft length control: how many tokens of each sequence to draft before a pass."""

from dataclasses import dataclass, field
from functools import lru_cache
from itertools import takewhile
from typing import Protocol

import torch

from acclimate.inference.sampling.sampler import SamplingState
from acclimate.inference.sampling.speculative_acceptance import StepTimes, expected_gain


@dataclass(frozen=True, slots=True)
class Draft:
    """Drafted next tokens of one row (letters: G drafted tokens, V vocabulary)."""

    tokens: list[int] = field(default_factory=list)
    probs: torch.Tensor | None = None
    """Distributions (G, V) that they were sampled from; None: they were not sampled."""

    @property
    def is_drawn(self) -> bool:
        """Whether they were sampled: then which tokens are verified must not depend on them."""
        return self.probs is not None


class DraftRow(Protocol):
    """Drafts for one row, from its start to its end."""

    def draft(self, ids: list[int], num_tokens: int, state: SamplingState) -> Draft:
        """At most `num_tokens` that may follow the row's token ids, for its sampling state."""


class Drafter(Protocol):
    """What drafts tokens for any row, such as a smaller network."""

    @property
    def flops_per_token(self) -> float:
        """Operations that a drafted token takes."""

    def row(self) -> DraftRow:
        """Drafts for one row, which begins."""


PRIOR_TOKENS = 8
"""Verified tokens of its own that a row needs, to count as much as what was measured before it."""
KEPT_SHARE = 0.98
"""Of a row's counts from pass to pass: one that stopped drafting tries again later."""


@dataclass
class DraftStats:
    """How many drafted tokens were accepted."""

    num_passes: int = 0
    """Passes with drafted tokens in them."""
    num_drafted: int = 0
    """Drafted tokens."""
    num_judged: int = 0
    """Of them, those before which all were accepted."""
    num_kept: int = 0
    """Of them, those that were accepted too."""

    @property
    def acceptance(self) -> float:
        """Share of judged tokens that were accepted; 0 where there were none."""
        return self.num_kept / max(1, self.num_judged)

    @property
    def num_rejected(self) -> int:
        """Drafted tokens that were read for nothing."""
        return self.num_drafted - self.num_kept

    def add(self, num_drafted: int, num_judged: int, num_kept: int) -> None:
        """Count one row's draft in one pass."""
        self.num_passes += bool(num_drafted)
        self.num_drafted += num_drafted
        self.num_judged += num_judged
        self.num_kept += num_kept


@dataclass(frozen=True)
class Speculation:
    """How the answers of a model are drafted in speculative decoding."""

    drafter: Drafter
    choices: tuple[int, ...]
    """Numbers of tokens to draft before a pass; of them what pays most is taken, or none."""
    acceptance: float
    """Share of judged tokens that were accepted where it was measured; a row's first estimate."""
    pace: StepTimes
    ends: frozenset[int] = frozenset()
    """Tokens that end an answer: none is drafted behind them."""
    stats: DraftStats = field(default_factory=DraftStats, compare=False)
    """Of all rows so far."""

    def row(self) -> "RowDrafts":
        """Draft length control of one row, which begins."""
        return RowDrafts(self)

    def best(self, num_rows: int, acceptance: float | None = None) -> int:
        """Tokens to draft of each row before a pass over so many rows; 0 where it does not pay."""
        rate = self.acceptance if acceptance is None else acceptance
        return _best(self.pace, self.choices, round(rate, 2), num_rows)

    def gain(self, num_draft_tokens: int) -> float:
        """Expected speed-up, were a pass over many tokens as fast as one over one token."""
        return expected_gain(self.acceptance, num_draft_tokens, self.pace.draft)


class RowDrafts:
    """One row's drafts: shorter where they are rejected, none as long as they do not pay."""

    def __init__(self, speculation: Speculation) -> None:
        """Begin from the acceptance rate that was measured."""
        self.speculation, self.stats = speculation, DraftStats()
        self._row = speculation.drafter.row()
        self._num_judged = self._num_kept = 0.0
        self._run = 0
        """Accepted tokens since the last rejected one."""

    @property
    def acceptance(self) -> float:
        """Expected share of accepted tokens, by what was measured before this row and in it.

        In a run of accepted ones, such as a quotation, by that run alone (Jeffreys' rule: half an
        accepted one and half a rejected one before it), if that is more.
        """
        before = PRIOR_TOKENS * self.speculation.acceptance
        usual = (before + self._num_kept) / (PRIOR_TOKENS + self._num_judged)
        return max(usual, (self._run + 0.5) / (self._run + 1)) if self._run else usual

    @property
    def flops(self) -> float:
        """Operations that drafting took."""
        return self.speculation.drafter.flops_per_token * self.stats.num_drafted

    def draft(self, ids: list[int], room: int, state: SamplingState, num_rows: int) -> Draft:
        """Draft as many tokens behind the row as pay.

        Args:
            ids: Token ids of the row, read and written.
            room: Tokens that may be drafted at most.
            state: The row's sampling state.
            num_rows: In the batch, all of which make a pass dearer.
        """
        self._num_judged *= KEPT_SHARE
        self._num_kept *= KEPT_SHARE
        num = min(room, self.speculation.best(num_rows, self.acceptance))
        draft = self._row.draft(ids, num, state) if num > 0 else Draft()
        return draft if draft.is_drawn else Draft(self._until_end(draft.tokens))

    def learn(self, num_drafted: int, num_judged: int, num_kept: int) -> None:
        """Count how many tokens of the last draft were accepted."""
        self._num_judged += num_judged
        self._num_kept += num_kept
        if num_drafted:
            self._run = self._run + num_kept if num_kept == num_drafted else 0
        self.stats.add(num_drafted, num_judged, num_kept)
        self.speculation.stats.add(num_drafted, num_judged, num_kept)

    def _until_end(self, tokens: list[int]) -> list[int]:
        return list(takewhile(lambda token: token not in self.speculation.ends, tokens))


@lru_cache(maxsize=4096)
def _best(pace: StepTimes, choices: tuple[int, ...], acceptance: float, num_rows: int) -> int:
    return pace.best(acceptance, choices, num_rows)
