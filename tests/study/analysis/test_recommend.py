"""The rule of choice on hand-made findings."""

import pytest

from acclimate.core.errors import BudgetError
from acclimate.statistics.comparison import Comparison, Difference
from acclimate.study.analysis.recommend import recommend
from acclimate.study.findings import Forgetting, Recommendation, Standing
from example_findings import comparison, standing


def pick(standings: list[Standing], limits: dict[str, float] | None = None) -> Recommendation:
    """Recommend with normal p-values; the base is called base."""
    done = [s for s in standings if s.quality]
    compared = comparison({s.recipe: s.quality.mean for s in done}, error=0.01)
    return recommend(standings, compared, limits or {}, "base")


def test_a_clear_winner_wins_whatever_it_costs() -> None:
    found = pick([standing("dear", 0.9, fit_usd=999.0), standing("base", 0.5)])
    assert (found.pick, found.beats_base) == ("dear", True)
    assert "0.400 above the base (+0.380 to +0.420; Holm-adjusted p < 0.001)." in found.reason
    assert "Everything else that keeps the limits is significantly worse." in found.reason


def test_among_equals_the_cheapest() -> None:
    found = pick(
        [
            standing("best", 0.71, fit_usd=100.0),
            standing("cheap", 0.70, fit_usd=5.0),
            standing("base", 0.5),
        ]
    )
    assert (found.pick, found.beats_base) == ("cheap", True)
    assert "best scores highest, ahead by 0.010" in found.reason
    assert "124.00 USD over the horizon against 29.00 USD" in found.reason


def test_at_equal_cost_and_quality_the_quickest() -> None:
    slow, quick = standing("slow", 0.7, latency_seconds=0.3), standing("quick", 0.7)
    assert pick([slow, quick, standing("base", 0.5)]).pick == "quick"


@pytest.mark.parametrize("cheaper_by", [0.0, 0.05, -0.05])
def test_at_level_costs_timing_does_not_choose_between_two(cheaper_by: float) -> None:
    better = standing("better", 0.71, latency_seconds=0.3)
    other = standing("other", 0.70, request_usd=1e-4 * (1 - cheaper_by))
    found = pick([other, better, standing("base", 0.5)])
    assert found.pick == "better"
    assert "It scores highest, and none that stands level is clearly cheaper." in found.reason


def test_an_unknown_cost_is_never_the_cheapest() -> None:
    unpriced = standing("unpriced", 0.71).model_copy(update={"total_usd": None})
    found = pick([unpriced, standing("priced", 0.70), standing("base", 0.5)])
    assert found.pick == "priced"


def test_nothing_beats_the_base() -> None:
    found = pick([standing("lora", 0.51, fit_usd=9.0), standing("base", 0.50)])
    assert (found.pick, found.beats_base) == ("base", False)
    assert found.reason.startswith("Nothing beats the base: no recipe is significantly better")


def test_no_better_but_cheaper_than_the_base() -> None:
    found = pick([standing("base", 0.51), standing("quantize", 0.50, request_usd=1e-5)])
    assert (found.pick, found.beats_base) == ("quantize", False)
    assert "it is as good and costs least" in found.reason
    assert "0.010 below the base" in found.reason


def test_nothing_within_the_limits_beats_the_base() -> None:
    found = pick(
        [standing("slow", 0.9, latency_seconds=2.0), standing("base", 0.5)],
        {"max_latency_seconds": 1.0},
    )
    assert found.pick == "base"
    assert "Nothing that keeps the limits beats the base" in found.reason
    assert "(slow would beat it)" in found.reason
    assert any(
        c.startswith("Without the limit (median latency at most 1 s)") for c in found.changes
    )


def test_a_base_that_breaks_a_limit_is_not_picked() -> None:
    found = pick([standing("base", 0.5), standing("lora", 0.51)], {"min_quality": 0.505})
    assert found.pick == "lora"


def test_rows_without_a_result_are_passed_over() -> None:
    skipped = Standing(recipe="dpo", status="skipped", reason="dpo needs preferences")
    assert pick([skipped, standing("base", 0.5)]).pick == "base"


def test_one_seed_is_said() -> None:
    trained = pick([standing("lora", 0.9, is_trained=True), standing("base", 0.5)])
    assert "1 seed, so how much another training would differ is not known" in trained.reason
    assert "forgetting on the control text: not measured" in trained.reason
    three = {"num_seeds": 3, "forgetting": Forgetting(bits_per_byte=0.02)}
    found = pick([standing("lora", 0.9, is_trained=True, **three), standing("base", 0.5)])
    assert "3 seeds)" in found.reason
    assert "+0.020 bits/byte" in found.reason


def test_no_recipe_keeps_the_limits() -> None:
    with pytest.raises(BudgetError) as refused:
        pick(
            [standing("lora", 0.9, latency_seconds=0.3), standing("base", 0.5)],
            {"max_latency_seconds": 0.05},
        )
    assert refused.value.exit_code == 3
    assert "median latency at most 50 ms" in str(refused.value)
    assert "nearest is 'base'" in str(refused.value)


def test_nothing_has_a_result() -> None:
    with pytest.raises(BudgetError, match="no recipe has a result"):
        pick([Standing(recipe="base", status="failed", reason="memory")])


def _pair(better: str, worse: str, is_significant: bool) -> Difference:
    p = 0.001 if is_significant else 0.5
    return Difference(
        better=better, worse=worse, delta=0.01, low=-0.01, high=0.03, p_value=p, holm_p=p,
        is_significant=is_significant,
    )  # fmt: skip


def test_what_anything_beats_is_not_picked() -> None:
    # The base is not shown worse than the best, whose scores scatter, but it is than `steady`.
    rows = [standing("wild", 0.72, fit_usd=9.0), standing("steady", 0.71, fit_usd=1.0)]
    compared = Comparison(
        confidence=0.95,
        num_items=100,
        num_clusters=100,
        estimates={},
        differences=(
            _pair("wild", "steady", is_significant=False),
            _pair("wild", "base", is_significant=False),
            _pair("steady", "base", is_significant=True),
        ),
    )
    found = recommend([*rows, standing("base", 0.70)], compared, {}, "base")
    assert (found.pick, found.beats_base) == ("steady", True)


@pytest.mark.parametrize(("request_usd", "expected"), [(9.5e-5, "base"), (8.9e-5, "lora")])
def test_chance_in_a_measured_time_puts_nothing_in_place_of_the_base(
    request_usd: float, expected: str
) -> None:
    tuned = standing("lora", 0.50, methods=("lora",), request_usd=request_usd)
    assert pick([tuned, standing("base", 0.50)]).pick == expected


def test_what_scores_the_same_is_not_said_to_be_ahead() -> None:
    found = pick([standing("base", 0.5), standing("cheap", 0.5, request_usd=1e-6)])
    assert "That is what the base scores" in found.reason
    assert "base scores the same and costs 24.00 USD over the horizon against" in found.reason
    assert "ahead by" not in found.reason


def test_a_pick_that_nothing_else_stands_beside() -> None:
    failed = Standing(recipe="lora", status="failed", reason="memory")
    assert (
        "Nothing else that keeps the limits has a result."
        in pick([standing("base", 0.5), failed]).reason
    )


def test_the_highest_is_the_highest_of_those_that_keep_the_limits() -> None:
    rows = [
        standing("slow", 0.52, latency_seconds=9.0),
        standing("base", 0.51),
        standing("dear", 0.50, fit_usd=99.0),
    ]
    found = pick(rows, {"max_latency_seconds": 1.0})
    assert "It scores highest of those that keep the limits, and none" in found.reason


def test_a_load_below_one_request_changes_nothing() -> None:
    rows = [standing("base", 0.5, fit_usd=1e-5, request_usd=1e-4)]
    rows.append(standing("few", 0.5, request_usd=2e-4))
    assert not any("requests over the horizon" in change for change in pick(rows).changes)
