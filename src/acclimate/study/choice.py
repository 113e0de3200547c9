"""The rule of choice: of those not significantly worse than any, the cheapest."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from acclimate.study.findings import Comparison, Standing
from acclimate.study.gap import is_worse
from acclimate.study.limits import broken_limits


@dataclass(frozen=True, slots=True)
class Choice:
    """The pick, and what it was picked from."""

    pick: Standing
    best: Standing
    """Highest mean quality."""
    equals: tuple[Standing, ...]
    """All that are not significantly worse than any, the pick and the best among them."""


def measured(standings: Sequence[Standing]) -> list[Standing]:
    """Those with a result."""
    return [s for s in standings if s.status == "done" and s.quality is not None]


def keeping(standings: Sequence[Standing], limits: Mapping[str, float]) -> list[Standing]:
    """Those with a result that keep every limit."""
    return [s for s in measured(standings) if not broken_limits(s, limits)]


def choose(candidates: Sequence[Standing], comparison: Comparison) -> Choice | None:
    """Pick the cheapest over the horizon (then the quickest) of the best; None of none."""
    if not candidates:
        return None
    equals = [s for s in candidates if not _is_beaten(s, candidates, comparison)]
    return Choice(
        pick=min(equals, key=_price), best=max(candidates, key=quality), equals=tuple(equals)
    )


def quality(standing: Standing) -> float:
    """Mean quality, of one that has a result."""
    return standing.quality.mean if standing.quality else -math.inf


def _is_beaten(one: Standing, others: Sequence[Standing], comparison: Comparison) -> bool:
    return any(is_worse(comparison, one.recipe, o.recipe) for o in others)


def _price(standing: Standing) -> tuple[float, float, float]:
    """Total cost, latency, then quality; what was not measured comes last."""
    cost, latency = standing.total_usd, standing.latency_seconds
    return (
        math.inf if cost is None else cost,
        math.inf if latency is None else latency,
        -quality(standing),
    )
