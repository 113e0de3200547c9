"""Why the pick was picked: one paragraph with its numbers."""

from collections.abc import Sequence

from acclimate.statistics.comparison import Comparison
from acclimate.study.analysis.gap import gap, is_worse
from acclimate.study.analysis.recommendation_rule import RuleChoice, quality
from acclimate.study.findings import Standing
from acclimate.study.wording import bits, duration, interval, money, percent, seeds

LEAST_SHOWN = 0.0005
"""A difference below this is 0.000 in three decimals."""


def reason(choice: RuleChoice, done: Sequence[Standing], comparison: Comparison, base: str) -> str:
    """The paragraph.

    Args:
        choice: The pick and what it was picked from.
        done: Every recipe with a result, also those that break a limit.
        comparison: Of all of them.
        base: Label of what was adapted.
    """
    sentences = [
        _opening(choice, done, comparison, base),
        _quality(choice.pick, comparison),
        _against_base(choice.pick, comparison, base),
        _against_best(choice, done, comparison),
        _price(choice.pick),
    ]
    return " ".join(filter(None, sentences))


def _opening(
    choice: RuleChoice, done: Sequence[Standing], comparison: Comparison, base: str
) -> str:
    pick = choice.pick.recipe
    if not any(map(quality, done)):
        return (
            f"Every recipe scores 0: nothing was learned, or the metric fits no answer; {pick} is "
            "merely the cheapest."
        )
    above = [s.recipe for s in done if is_worse(comparison, base, s.recipe)]
    if not above:
        nothing = "Nothing beats the base: no recipe is significantly better"
        if pick == base:
            return f"{nothing} than {pick}, which is the pick."
        return f"{nothing}; {pick} is the pick because it is as good and costs least."
    if pick == base:
        return (
            f"Nothing that keeps the limits beats the base: {pick} is the pick "
            f"({', '.join(above)} would beat it)."
        )
    return f"{pick} is the pick."


def _quality(pick: Standing, comparison: Comparison) -> str:
    groups = ""
    if comparison.num_clusters != comparison.num_items:
        groups = f" in {comparison.num_clusters:,} groups"
    runs = seeds(pick)
    if pick.is_trained and pick.num_seeds == 1:
        runs += ", so how much another training would differ is not known"
    return (
        f"It scores {interval(pick.quality)} (mean and {percent(comparison.confidence)} interval "
        f"over {comparison.num_items:,} items{groups}; {runs})."
    )


def _against_base(pick: Standing, comparison: Comparison, base: str) -> str:
    difference = gap(comparison, pick.recipe, base)
    if difference is None:
        return ""
    if abs(difference.delta) < LEAST_SHOWN:
        return f"That is what the base scores ({difference.evidence})."
    side = "above" if difference.delta >= 0 else "below"
    text = f"That is {abs(difference.delta):.3f} {side} the base ({difference.evidence})"
    return text + ("." if difference.is_significant else ", which may be chance.")


def _against_best(choice: RuleChoice, done: Sequence[Standing], comparison: Comparison) -> str:
    pick, best = choice.pick, choice.best
    is_top = quality(best) >= max(map(quality, done))
    highest = "scores highest" if is_top else "scores highest of those that keep the limits"
    if pick == best:
        return _alone(choice) or f"It {highest}, and none that stands level is clearly cheaper."
    difference = gap(comparison, best.recipe, pick.recipe)
    costs = f"{money(best.total_usd)} over the horizon against {money(pick.total_usd)}"
    if difference is None or difference.delta < LEAST_SHOWN:
        return f"{best.recipe} scores the same and costs {costs}."
    pairs = len(comparison.differences)
    return (
        f"{best.recipe} {highest}, ahead by {difference.delta:.3f} ({difference.evidence}), "
        f"which may be chance where {pairs} {'pair is' if pairs == 1 else 'pairs are'} compared, "
        f"and costs {costs}."
    )


def _alone(choice: RuleChoice) -> str:
    """Where nothing stands level with the pick."""
    if len(choice.equals) > 1:
        return ""
    if choice.num_beaten:
        return "Everything else that keeps the limits is significantly worse."
    return "Nothing else that keeps the limits has a result."


def _price(pick: Standing) -> str:
    text = (
        f"Making and serving it over the horizon: {money(pick.total_usd)}; "
        f"median latency of a single request: {duration(pick.latency_seconds)}; "
    )
    change = pick.forgetting.bits_per_byte if pick.forgetting else None
    if change is None and not (pick.is_trained or pick.is_recorded):
        return text + "its weights were not changed, so nothing was forgotten."
    return text + f"forgetting on the control text: {bits(change)}."
