"""The recommendation: which recipe, why, and what would change that."""

from collections.abc import Mapping, Sequence

from acclimate.core.errors import BudgetError
from acclimate.statistics.comparison import Comparison
from acclimate.study.analysis.gap import is_worse
from acclimate.study.analysis.reason import reason
from acclimate.study.analysis.recommendation_rule import choose, keeping_limits, measured
from acclimate.study.analysis.sensitivity import what_changes
from acclimate.study.findings import Recommendation, Standing
from acclimate.study.limits import broken_limits, limit_named, nearest


def recommend(
    standings: Sequence[Standing], comparison: Comparison, limits: Mapping[str, float], base: str
) -> Recommendation:
    """Drop what breaks a limit; of those not significantly worse than any, take the cheapest.

    The base is a candidate like any other, so "nothing beats the base" can be the answer. The
    cheapest is that of the least total cost over the horizon; of those within a tenth of it, the
    one of fewest methods, then of the highest quality, then of the least cost and median latency.

    Args:
        standings: Every recipe; those without a result are passed over.
        comparison: Of all with a result.
        limits: By name (see `acclimate.study.limits`).
        base: Label of what was adapted.

    Raises:
        BudgetError: Nothing keeps the limits, or nothing has a result.
        UnknownNameError: A limit has no such name.
    """
    allowed = keeping_limits(standings, limits)
    choice = choose(allowed, comparison)
    if choice is None:
        raise BudgetError(_nothing_left(measured(standings), limits))
    return Recommendation(
        pick=choice.pick.recipe,
        beats_base=is_worse(comparison, base, choice.pick.recipe),
        reason=reason(choice, measured(standings), comparison, base),
        changes=what_changes(choice, standings, comparison, limits),
    )


def _nothing_left(done: list[Standing], limits: Mapping[str, float]) -> str:
    if not done:
        return "no recipe has a result, so there is nothing to recommend; see the reasons above"
    rules = ", ".join(limit_named(name).rule(bound) for name, bound in limits.items())
    close = nearest(done, limits)
    lacks = "; ".join(broken_limits(close, limits))
    return (
        f"no recipe keeps every limit ({rules}); the nearest is '{close.recipe}': {lacks}; "
        "loosen that limit or add recipes"
    )
