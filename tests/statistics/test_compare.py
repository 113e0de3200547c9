"""Comparisons on synthetic data whose truth is known."""

import numpy as np
import pytest
from scipy import stats

from acclimate.core.errors import ConfigError, DataError
from acclimate.statistics.compare import compare
from acclimate.statistics.comparison import Comparison

NUM_TRIALS = 400
"""A rate of 0.95 then has a standard error of 0.011."""
SHIFT = 0.3


def grouped_pair(rng, num_clusters, size):
    """Two systems; the difference between them varies from cluster to cluster around SHIFT."""
    shape = (num_clusters, size)
    easy = np.broadcast_to(rng.normal(size=(num_clusters, 1)), shape)
    gain = SHIFT + rng.normal(scale=0.8, size=(num_clusters, 1))
    low = easy + rng.normal(size=shape)
    high = easy + gain + rng.normal(size=shape)
    clusters = [str(c) for c in range(num_clusters) for _ in range(size)]
    return {"low": low.ravel(), "high": high.ravel()}, clusters


def covers(estimate, truth):
    return estimate.low <= truth <= estimate.high


@pytest.mark.parametrize("num_clusters", [10, 14])
def test_intervals_cover_the_truth_as_often_as_they_say(num_clusters):
    rng = np.random.default_rng(1)
    hits = []
    for _ in range(NUM_TRIALS):
        scores, clusters = grouped_pair(rng, num_clusters, 5)
        found = compare(scores, clusters, num_resamples=1000)
        delta = found.between("low", "high")
        # As if every item were its own cluster.
        gain = {"gain": scores["high"] - scores["low"]}
        naive = compare(gain, list(map(str, range(len(clusters)))), num_resamples=200)
        hits.append(
            [
                covers(delta, SHIFT if delta.better == "high" else -SHIFT),
                covers(found.estimates["low"], 0.0),
                covers(naive.estimates["gain"], SHIFT),
            ]
        )
    delta_rate, mean_rate, naive_rate = np.mean(hits, axis=0)
    assert 0.92 <= delta_rate <= 0.98
    assert 0.92 <= mean_rate <= 0.98
    assert naive_rate < 0.87


def test_right_and_wrong_answers_are_covered_near_the_end_of_the_scale():
    rng = np.random.default_rng(8)
    hits = []
    for _ in range(NUM_TRIALS):
        right = (rng.random(20) < 0.95).astype(float)
        found = compare({"a": right}, list(map(str, range(20))), num_resamples=300)
        hits.append(covers(found.estimates["a"], 0.95))
    # All right happens in 36 % of the samples; an interval of width 0 would miss each time.
    assert np.mean(hits) > 0.92


@pytest.mark.parametrize("kind", ["graded", "grouped right or wrong", "right or wrong"])
def test_false_alarms_of_the_whole_family_keep_the_level(kind):
    rng = np.random.default_rng(9)
    num_items, size = {"grouped right or wrong": (48, 4), "graded": (11, 1)}.get(kind, (60, 1))
    clusters = [str(i // size) for i in range(num_items)]
    any_alarm, any_unadjusted = [], []
    for _ in range(NUM_TRIALS):
        scores = rng.normal(size=(5, num_items))
        if kind != "graded":
            scores = (scores + np.repeat(rng.normal(size=num_items // size), size) > 0).astype(
                float
            )
        found = compare(dict(zip("abcde", scores, strict=True)), clusters, num_resamples=100)
        any_alarm.append(any(d.is_significant for d in found.differences))
        any_unadjusted.append(any(d.p_value < 0.05 for d in found.differences))
    assert np.mean(any_alarm) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / NUM_TRIALS)
    assert np.mean(any_unadjusted) > 0.1


def test_a_real_difference_is_found():
    rng = np.random.default_rng(10)
    base = rng.random(300)
    scores = {"base": base, "same": base + rng.normal(0, 0.1, 300), "better": base + 0.1}
    found = compare(scores, list(map(str, range(300))))
    assert next(iter(found.estimates)) == "better"
    assert found.between("base", "better").is_significant
    assert found.between("better", "base").better == "better"
    assert found.between("base", "better").delta == pytest.approx(0.1)
    assert not found.between("base", "same").is_significant


def test_means_deltas_and_p_values_by_hand():
    # a is right on all 8; b on 2: 6 disagreements one way, p = 2 / 2^6.
    found = compare({"b": [1, 1, 0, 0, 0, 0, 0, 0], "a": [1] * 8}, list("12345678"))
    (difference,) = found.differences
    assert [e.mean for e in found.estimates.values()] == [1.0, 0.25]
    assert (difference.better, difference.worse, difference.delta) == ("a", "b", 0.75)
    assert difference.p_value == difference.mcnemar_p == pytest.approx(2 / 64)
    assert difference.low < 0.75 < difference.high
    assert found.estimates["a"].low == pytest.approx(
        stats.binomtest(8, 8).proportion_ci(method="exact").low
    )
    assert found.estimates["a"].high == 1.0


def test_groups_replace_mcnemar_by_sign_flips():
    # Four clusters, all in favour of a: p = 2 / 2^4; item by item it would be 2 / 2^8.
    found = compare({"a": [1] * 8, "b": [0] * 8}, list("11223344"))
    (difference,) = found.differences
    assert found.num_clusters == 4
    assert difference.p_value == pytest.approx(2 / 16)
    assert difference.mcnemar_p == pytest.approx(2 / 256)
    assert compare({"a": [0.5, 1], "b": [0, 1]}, list("12")).differences[0].mcnemar_p is None


def test_items_left_out_are_counted():
    nan = float("nan")
    found = compare({"a": [1, nan, 0, 1], "b": [0, 1, 1, nan]}, list("1234"))
    assert (found.num_items, found.num_left_out) == (2, 2)
    assert found.between("a", "b").delta == 0


def test_identical_systems_are_not_told_apart():
    scores = np.random.default_rng(0).random(50)
    (difference,) = compare({"a": scores, "b": scores}, list(map(str, range(50)))).differences
    assert (difference.delta, difference.p_value, difference.holm_p) == (0, 1, 1)
    assert -0.1 < difference.low < 0 < difference.high < 0.1
    assert not difference.is_significant


@pytest.mark.parametrize(
    ("a", "b", "clusters"), [([1.0], [0.0], ["x"]), ([0.9, 0.8], [0.1, 0.3], ["x", "x"])]
)
def test_one_cluster_tells_next_to_nothing(a, b, clusters):
    found = compare({"a": a, "b": b}, clusters)
    (difference,) = found.differences
    assert difference.p_value == 1
    assert difference.low < -0.5
    assert all(0 <= e.low <= e.high <= 1 for e in found.estimates.values())
    assert all(e.high - e.low > 0.9 for e in found.estimates.values())


def test_one_system_has_no_pairs():
    found = compare({"a": [1, 0, 1]}, list("123"))
    assert found.differences == ()
    assert covers(found.estimates["a"], 2 / 3)


def test_scales_beyond_one():
    scores = {"a": [40.0, 40.0, 40.0], "b": [-3.0, 2.0, 5.0]}
    found = compare(scores, list("123"))
    assert found.estimates["a"].high == 40
    assert -3 <= found.estimates["b"].low <= found.estimates["b"].high <= 5


def test_same_seed_same_comparison_and_it_survives_json():
    rng = np.random.default_rng(2)
    scores, clusters = grouped_pair(rng, 30, 2)
    found = compare(scores, clusters, seed=1)
    assert found == compare(scores, clusters, seed=1)
    assert found != compare(scores, clusters, seed=2)
    assert Comparison.model_validate_json(found.model_dump_json()) == found


def test_confidence_widens_and_sets_the_level():
    rng = np.random.default_rng(2)
    scores, clusters = grouped_pair(rng, 30, 2)
    wide = compare(scores, clusters, confidence=0.999).between("low", "high")
    narrow = compare(scores, clusters, confidence=0.5).between("low", "high")
    assert wide.low < narrow.low < narrow.high < wide.high
    assert narrow.is_significant
    assert not wide.is_significant


def test_settings_out_of_range_are_refused():
    with pytest.raises(ConfigError, match=r"confidence=95, must be between 0 and 1"):
        compare({"a": [1]}, ["x"], confidence=95)
    with pytest.raises(ConfigError, match="num_resamples=10, must be at least 100"):
        compare({"a": [1]}, ["x"], num_resamples=10)
    with pytest.raises(DataError, match="none of 0 items"):
        compare({"a": []}, [])
