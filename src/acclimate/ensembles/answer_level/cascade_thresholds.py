"""Choose below which confidence each member of a cascade passes a question on.

Letters: N questions, M members.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np

from acclimate.core.types import Floats

Target = Literal["quality", "cost"]
_ALWAYS, NEVER = 2.0, 0.0
"""Thresholds above and below every confidence of an answer."""
MAX_TRIED = 4096
"""Combinations of thresholds, at most; of two members every step is tried up to so many items."""


@dataclass(frozen=True)
class MemberResults:
    """Scores, confidences and costs of the members on dev."""

    scores: Floats
    """(N, M); 0 where a member was left out."""
    sure: Floats
    """Confidences (N, M - 1), of each member but the last."""
    costs: Floats
    """(M,), of a question, in any unit."""


@dataclass(frozen=True)
class CascadeResult:
    """Quality and cost of a cascade with certain thresholds."""

    thresholds: tuple[float, ...]
    quality: float
    cost: float
    """Of a question."""
    answered: tuple[float, ...]
    """Share of the questions that each member had the last word on."""


def run_cascade(results: MemberResults, thresholds: Sequence[float]) -> CascadeResult:
    """Quality and cost with these thresholds."""
    num = len(results.scores)
    left = np.ones(num, dtype=bool)
    quality, cost, answered = 0.0, 0.0, []
    for member, price in enumerate(results.costs):
        cost += float(price) * left.sum()
        is_last = member == len(results.costs) - 1
        stays = left if is_last else left & (results.sure[:, member] >= thresholds[member])
        quality += float(results.scores[stays, member].sum())
        answered.append(float(stays.sum()) / num)
        left = left & ~stays
    return CascadeResult(tuple(thresholds), quality / num, cost / num, tuple(answered))


def best_thresholds(results: MemberResults, target: Target, share: float) -> CascadeResult:
    """The cheapest that keep `share` of the best member's quality, or the best for that cost.

    Args:
        results: Of the members on dev.
        target: Which of the two must be met.
        share: Of the best member's mean score, or of the last member's cost.
    """
    tried = [run_cascade(results, thresholds) for thresholds in product(*_steps(results))]
    if target == "quality":
        least = share * float(results.scores.mean(axis=0).max())
        # Rounding must not take away the member that is itself the best.
        candidates = [result for result in tried if result.quality >= least - 1e-9]
        return min(candidates, key=lambda result: (result.cost, -result.quality))
    most = share * float(results.costs[-1])
    candidates = [result for result in tried if result.cost <= most + 1e-9]
    cheapest = min(result.cost for result in tried)
    candidates = candidates or [result for result in tried if result.cost == cheapest]
    return max(candidates, key=lambda result: (result.quality, -result.cost))


def _steps(results: MemberResults) -> list[list[float]]:
    """Thresholds to try of each member: between the confidences met, evenly if they are many."""
    num_gates = results.sure.shape[1]
    size = max(2, int(MAX_TRIED ** (1 / num_gates)) - 2)
    steps = []
    for gate in range(num_gates):
        met = np.unique(results.sure[:, gate])
        between = (met[1:] + met[:-1]) / 2
        indices = np.unique(np.linspace(0, len(between) - 1, min(size, len(between))).astype(int))
        steps.append([NEVER, *(float(v) for v in between[indices] if v > 0), _ALWAYS])
    return steps
