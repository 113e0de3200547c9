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
class Seen:
    """What the members did on dev."""

    scores: Floats
    """(N, M); 0 where a member was left out."""
    sure: Floats
    """(N, M - 1), of each member but the last."""
    costs: Floats
    """(M,), of a question, in any unit."""


@dataclass(frozen=True)
class Reached:
    """What a cascade does with certain thresholds."""

    thresholds: tuple[float, ...]
    quality: float
    cost: float
    """Of a question."""
    answered: tuple[float, ...]
    """Share of the questions that each member had the last word on."""


def reached(seen: Seen, thresholds: Sequence[float]) -> Reached:
    """Quality and cost with these thresholds."""
    num = len(seen.scores)
    left = np.ones(num, dtype=bool)
    quality, cost, answered = 0.0, 0.0, []
    for member, price in enumerate(seen.costs):
        cost += float(price) * left.sum()
        is_last = member == len(seen.costs) - 1
        stays = left if is_last else left & (seen.sure[:, member] >= thresholds[member])
        quality += float(seen.scores[stays, member].sum())
        answered.append(float(stays.sum()) / num)
        left = left & ~stays
    return Reached(tuple(thresholds), quality / num, cost / num, tuple(answered))


def best_thresholds(seen: Seen, target: Target, share: float) -> Reached:
    """The cheapest that keep `share` of the best member's quality, or the best for that cost.

    Args:
        seen: Of dev.
        target: Which of the two must be met.
        share: Of the best member's mean score, or of the last member's cost.
    """
    tried = [reached(seen, own) for own in product(*_steps(seen))]
    if target == "quality":
        least = share * float(seen.scores.mean(axis=0).max())
        # Rounding must not take away the member that is itself the best.
        kept = [own for own in tried if own.quality >= least - 1e-9]
        return min(kept, key=lambda own: (own.cost, -own.quality))
    most = share * float(seen.costs[-1])
    kept = [own for own in tried if own.cost <= most + 1e-9]
    cheapest = min(own.cost for own in tried)
    kept = kept or [own for own in tried if own.cost == cheapest]
    return max(kept, key=lambda own: (own.quality, -own.cost))


def _steps(seen: Seen) -> list[list[float]]:
    """Thresholds to try of each member: between the confidences met, evenly if they are many."""
    num_gates = seen.sure.shape[1]
    size = max(2, int(MAX_TRIED ** (1 / num_gates)) - 2)
    found = []
    for gate in range(num_gates):
        met = np.unique(seen.sure[:, gate])
        between = (met[1:] + met[:-1]) / 2
        places = np.unique(np.linspace(0, len(between) - 1, min(size, len(between))).astype(int))
        found.append([NEVER, *(float(v) for v in between[places] if v > 0), _ALWAYS])
    return found
