"""What would change the pick, computed: more items, another load, other limits."""

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist

from acclimate.statistics.comparison import Comparison
from acclimate.study.analysis.gap import Gap, gap
from acclimate.study.analysis.recommendation_rule import (
    RuleChoice,
    choose,
    cost,
    keeping_limits,
    quality,
)
from acclimate.study.findings import Standing
from acclimate.study.limits import limit_named
from acclimate.study.wording import counted, interval

POWER = 0.8
"""Chance of seeing a difference that is there; the customary figure (Cohen, 1988)."""


def what_changes(
    choice: RuleChoice,
    standings: Sequence[Standing],
    comparison: Comparison,
    limits: Mapping[str, float],
) -> tuple[str, ...]:
    """One sentence for each thing that would."""
    changes = [_more_items(choice, comparison), *_other_loads(choice)]
    for name, bound in limits.items():
        changes.append(_without(name, bound, choice.pick, (standings, comparison, limits)))
        changes.append(_tighter(name, choice.pick, (standings, comparison, limits)))
    return tuple(filter(None, changes))


def items_to_separate(apart: Gap, comparison: Comparison) -> float:
    """Items at which the difference would be told from chance four times in five.

    n = (z_{a/2} + z_b)^2 w^2 / d^2, where d is the difference, w^2 the variance of an item's
    difference (from the interval's width: w = sqrt(n) (high - low) / (2 z)), and a the level that
    Holm's first step leaves to each of the pairs. Groups are taken to grow in number, not in size.
    """
    if apart.delta == 0:
        return math.inf
    z = NormalDist().inv_cdf
    level = (1 - comparison.confidence) / max(1, len(comparison.differences))
    error = (apart.high - apart.low) / (2 * z((1 + comparison.confidence) / 2))
    reach = z(1 - level / 2) + z(POWER)
    by_spread = reach**2 * error**2 * comparison.num_items / apart.delta**2
    # Signs of g groups can be flipped in 2^g ways: no p-value is below 2 / 2^g.
    fewest_groups = math.ceil(math.log2(2 / level))
    return max(by_spread, fewest_groups * comparison.num_items / comparison.num_clusters)


def _more_items(choice: RuleChoice, comparison: Comparison) -> str:
    """The strongest of those that stand level with the pick."""
    rivals = [s for s in choice.equals if s != choice.pick]
    if not rivals:
        return ""
    rival = max(rivals, key=quality)
    apart = gap(comparison, rival.recipe, choice.pick.recipe)
    if apart is None:
        return ""
    who = f"{rival.recipe}, {interval(rival.quality)}, cannot be told from it"
    needed = items_to_separate(apart, comparison)
    if needed > 1e6:
        small = "if the difference is as small as it looks"
        return f"{who}, and no practical number of items would, {small}."
    more = f"about {counted(needed)} test items ({comparison.num_items:,} now)"
    if needed <= comparison.num_items:
        more = "a few more test items"
    lead = f"{who}; {more} would separate the two if the difference is as it looks"
    then = choose(rivals, comparison)
    if apart.delta < 0 or then is None:
        return f"{lead}, and would confirm the pick."
    return f"{lead}; the pick would then be {then.pick.recipe}."


def _other_loads(choice: RuleChoice) -> list[str]:
    """The nearest loads, above and below today's, at which an equal becomes the cheapest."""
    now = _requests(choice.pick)
    if now is None:
        return []
    # One that is a little cheaper already, and passed over for its methods or quality, stays so.
    dearer = [s for s in choice.equals if cost(s) > cost(choice.pick)]
    pairs = [(break_even(choice.pick, s), s.recipe) for s in dearer]
    crossings = [(requests, recipe) for requests, recipe in pairs if requests and requests >= 1]
    above = min((pair for pair in crossings if pair[0] > now), default=None)
    below = max((pair for pair in crossings if pair[0] < now), default=None)
    return [
        f"{word} about {counted(pair[0])} requests over the horizon ({counted(now)} now), "
        f"{pair[1]} would be cheaper and as good."
        for word, pair in (("Above", above), ("Below", below))
        if pair
    ]


def break_even(one: Standing, other: Standing) -> float | None:
    """Requests over the horizon at which both cost the same; None where they never do."""
    if one.fit_usd is None or one.request_usd is None:
        return None
    if other.fit_usd is None or other.request_usd is None:
        return None
    slope = one.request_usd - other.request_usd
    requests = (other.fit_usd - one.fit_usd) / slope if slope else 0.0
    return requests if requests > 0 else None


def _requests(standing: Standing) -> float | None:
    """The load that the total cost was counted with."""
    if standing.total_usd is None or standing.fit_usd is None or not standing.request_usd:
        return None
    return (standing.total_usd - standing.fit_usd) / standing.request_usd


_Found = tuple[Sequence[Standing], Comparison, Mapping[str, float]]


def _without(name: str, bound: float, pick: Standing, results: _Found) -> str:
    standings, comparison, limits = results
    rest = {k: v for k, v in limits.items() if k != name}
    free = choose(keeping_limits(standings, rest), comparison)
    if free is None or free.pick == pick:
        return ""
    limit = limit_named(name)
    return (
        f"Without the limit ({limit.rule(bound)}) the pick would be {free.pick.recipe}: "
        f"{limit.noun} {_said(name, free.pick)}, quality {interval(free.pick.quality)}."
    )


def _tighter(name: str, pick: Standing, results: _Found) -> str:
    standings, comparison, limits = results
    limit, value = limit_named(name), limit_named(name).read(pick)
    if value is None or (value <= 0 and not limit.is_least):
        return ""  # there is nothing to limit
    stricter = [s for s in keeping_limits(standings, limits) if limit.excess(s, value) < 0]
    then = choose(stricter, comparison)
    side = "above" if limit.is_least else "below"
    what = f"A limit on {limit.noun} {side} {limit.say(value)} would rule it out"
    if then is None:
        return f"{what}, and leave nothing."
    return f"{what}; the pick would then be {then.pick.recipe}."


def _said(name: str, standing: Standing) -> str:
    value = limit_named(name).read(standing)
    return "not measured" if value is None else limit_named(name).say(value)
