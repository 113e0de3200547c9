"""The rule of choice: of those not significantly worse than any, the cheapest."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from acclimate.statistics.comparison import Comparison
from acclimate.study.analysis.gap import is_worse
from acclimate.study.findings import Standing
from acclimate.study.limits import broken_limits

LEVEL_COST = 1.1
"""Costs within a tenth of the least are level: run to run, the time they come from differs so."""


@dataclass(frozen=True, slots=True)
class RuleChoice:
    """The pick, and what it was picked from."""

    pick: Standing
    best: Standing
    """Highest mean quality."""
    equals: tuple[Standing, ...]
    """All that are not significantly worse than any, the pick and the best among them."""
    num_beaten: int = 0
    """Candidates that another is significantly better than."""


def measured(standings: Sequence[Standing]) -> list[Standing]:
    """Those with a result."""
    return [s for s in standings if s.status == "done" and s.quality is not None]


def keeping_limits(standings: Sequence[Standing], limits: Mapping[str, float]) -> list[Standing]:
    """Those with a result that keep every limit."""
    return [s for s in measured(standings) if not broken_limits(s, limits)]


def choose(candidates: Sequence[Standing], comparison: Comparison) -> RuleChoice | None:
    """Pick the cheapest over the horizon of the best; None of none.

    Where costs are level the one of fewest methods is picked, and of those the best, so that chance
    in a measured time neither puts a tuned model in place of the base nor chooses between two;
    then the cheapest, then the quickest.
    """
    if not candidates:
        return None
    equals = [s for s in candidates if not _is_beaten(s, candidates, comparison)]
    least = min(map(cost, equals))
    level = [s for s in equals if cost(s) <= LEVEL_COST * least]
    return RuleChoice(
        pick=min(level, key=_order),
        best=max(candidates, key=quality),
        equals=tuple(equals),
        num_beaten=len(candidates) - len(equals),
    )


def quality(standing: Standing) -> float:
    """Mean quality, of one that has a result."""
    return standing.quality.mean if standing.quality else -math.inf


def _is_beaten(one: Standing, others: Sequence[Standing], comparison: Comparison) -> bool:
    return any(is_worse(comparison, one.recipe, o.recipe) for o in others)


def cost(standing: Standing) -> float:
    """Total cost over the horizon, USD; infinite where it was not measured."""
    return math.inf if standing.total_usd is None else standing.total_usd


def _order(standing: Standing) -> tuple[int, float, float, float]:
    """Methods, quality, total cost, then latency; what was not measured comes last."""
    latency = standing.latency_seconds
    return (
        len(standing.methods),
        -quality(standing),
        cost(standing),
        math.inf if latency is None else latency,
    )
