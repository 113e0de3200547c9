"""What would change the pick, against sums worked by hand."""

from statistics import NormalDist

import pytest

from acclimate.study.analysis.gap import gap
from acclimate.study.analysis.recommend import recommend
from acclimate.study.analysis.sensitivity import break_even, items_to_separate
from example_findings import comparison, standing


def changes(standings: list, limits: dict[str, float] | None = None) -> tuple[str, ...]:
    compared = comparison({s.recipe: s.quality.mean for s in standings}, error=0.01)
    return recommend(standings, compared, limits or {}, "base").changes


def test_items_by_the_published_formula() -> None:
    # one pair, d = 0.02, w^2 = 400 x 0.01^2 = 0.04: (1.960 + 0.842)^2 x 0.04 / 0.0004 = 785
    compared = comparison({"a": 0.52, "b": 0.50}, error=0.01, items=400)
    assert items_to_separate(gap(compared, "a", "b"), compared) == pytest.approx(784.9, abs=0.1)


def test_more_pairs_need_more_items() -> None:
    # three pairs: z at 0.05 / 3 / 2
    compared = comparison({"a": 0.52, "b": 0.50, "c": 0.1}, error=0.01, items=400)
    z = NormalDist().inv_cdf
    expected = (z(1 - 0.05 / 6) + z(0.8)) ** 2 * 0.04 / 0.0004
    assert items_to_separate(gap(compared, "a", "b"), compared) == pytest.approx(expected)


def test_separated_at_that_many_items_four_times_in_five() -> None:
    # The formula against the chance it promises: |difference| over z errors, normal.
    compared = comparison({"a": 0.52, "b": 0.50}, error=0.01, items=400)
    needed = items_to_separate(gap(compared, "a", "b"), compared)
    error = 0.01 * (400 / needed) ** 0.5
    seen = 1 - NormalDist(0.02, error).cdf(NormalDist().inv_cdf(0.975) * error)
    assert seen == pytest.approx(0.8, abs=1e-4)


def test_the_stronger_equal_is_named_with_the_items_it_takes() -> None:
    found = changes([standing("best", 0.51, fit_usd=9.0), standing("base", 0.50)])
    assert found[0] == (
        "best, 0.510 [0.479, 0.541], cannot be told from it; about 3,140 test items (400 now) "
        "would separate the two if the difference is as it looks; the pick would then be best."
    )


def test_a_weaker_equal_could_only_confirm() -> None:
    found = changes([standing("base", 0.51), standing("lora", 0.50, fit_usd=9.0)])
    assert "would confirm the pick" in found[0]


def test_no_difference_at_all_is_not_divided_by() -> None:
    found = changes([standing("lora", 0.5, fit_usd=9.0), standing("base", 0.5)])
    assert "no practical number of items" in found[0]


def test_break_even_by_hand() -> None:
    # 10 + 0.001 n = 0 + 0.003 n at n = 5000
    one = standing("a", 0.5, fit_usd=10.0, request_usd=0.001)
    other = standing("b", 0.5, fit_usd=0.0, request_usd=0.003)
    assert break_even(one, other) == pytest.approx(5000)
    assert break_even(other, one) == pytest.approx(5000)
    assert break_even(one, one) is None
    assert break_even(one, standing("c", 0.5, fit_usd=20.0, request_usd=0.002)) is None


def test_no_fewer_groups_than_signs_can_tell_apart() -> None:
    # Holm's first of three pairs leaves 0.05 / 3, and 2 / 2^g is below it from g = 7 on.
    compared = comparison({"a": 0.9, "b": 0.5, "c": 0.1}, error=0.001, items=16)
    apart = gap(compared, "a", "b")
    assert items_to_separate(apart, compared) == 7 * 4  # items a group


def test_the_nearest_loads_on_both_sides_are_named() -> None:
    # 240,000 requests now; `early` is cheaper below 20 / 0.0002 = 100,000,
    # `late` above 30 / 0.0001 = 300,000 and `later` above 60 / 0.00015 = 400,000.
    found = changes(
        [
            standing("base", 0.500, fit_usd=20.0, request_usd=2e-4),
            standing("early", 0.501, fit_usd=0.0, request_usd=4e-4),
            standing("late", 0.499, fit_usd=50.0, request_usd=1e-4),
            standing("later", 0.498, fit_usd=80.0, request_usd=5e-5),
        ]
    )
    assert "Above about 300,000 requests over the horizon (240,000 now), late would be" in found[1]
    assert "Below about 100,000 requests over the horizon (240,000 now), early would" in found[2]
    assert not any("later" in sentence for sentence in found)


def test_limits_that_bind_are_named() -> None:
    rows = [
        standing("slow", 0.9, latency_seconds=0.9),
        standing("lora", 0.7, latency_seconds=0.3),
        standing("base", 0.5, latency_seconds=0.1),
    ]
    assert changes(rows, {"max_latency_seconds": 0.5}) == (
        "Without the limit (median latency at most 500 ms) the pick would be slow: "
        "median latency 900 ms, quality 0.900 [0.869, 0.931].",
        "A limit on median latency below 300 ms would rule it out; the pick would then be base.",
    )
    assert changes(rows, {"max_latency_seconds": 1.0})[0].startswith("A limit on median latency")


def test_a_stricter_quality_could_leave_nothing() -> None:
    rows = [standing("lora", 0.7), standing("base", 0.5)]
    assert changes(rows, {"min_quality": 0.6})[-1] == (
        "A limit on quality above 0.700 would rule it out, and leave nothing."
    )


def test_nothing_can_lose_less_than_nothing() -> None:
    rows = [standing("lora", 0.5, is_trained=True), standing("base", 0.7)]
    assert not any("A limit" in said for said in changes(rows, {"max_forgetting_bits_per_byte": 1}))


def test_what_is_a_little_cheaper_already_is_at_no_load_said_to_become_so() -> None:
    # 24.0 USD against 23.5: level, so the base stays; below 2,083 requests the base is cheaper.
    tuned = standing("lora", 0.5, fit_usd=0.2, request_usd=9.7e-5, methods=("lora",))
    assert not any("over the horizon" in c for c in changes([standing("base", 0.5), tuned]))
