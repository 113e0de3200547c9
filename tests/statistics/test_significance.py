"""P-values against scipy, enumeration and worked examples."""

import itertools

import numpy as np
import pytest
from scipy import stats

from acclimate.statistics import significance
from acclimate.statistics.pairing import pair
from acclimate.statistics.significance import holm, mcnemar, sign_flips

ONE_PAIR = (np.array([0]), np.array([1]))


@pytest.mark.parametrize(("first", "second"), [(0, 0), (3, 0), (1, 9), (6, 6), (30, 55), (0, 1)])
def test_mcnemar_is_the_binomial_test(first, second):
    rows = [[1, 0]] * first + [[0, 1]] * second + [[1, 1]] * 4 + [[0, 0]] * 3
    expected = stats.binomtest(first, first + second).pvalue if first + second else 1.0
    (p,) = mcnemar(np.array(rows, dtype=float), ONE_PAIR)
    assert p == pytest.approx(expected, rel=1e-9)


def test_all_flips_of_few_clusters():
    rng = np.random.default_rng(3)
    a, b = rng.normal([[0.7], [0.4]], 1, size=(2, 24))
    clusters = [str(i // 3) for i in range(24)]
    sums = (a - b).reshape(8, 3).sum(axis=1)
    flipped = [abs(np.dot(signs, sums)) for signs in itertools.product([-1, 1], repeat=8)]
    expected = np.mean(np.array(flipped) >= abs(sums.sum()) - 1e-9)
    (p,) = sign_flips(pair({"a": a, "b": b}, clusters), ONE_PAIR, 0.05, np.random.default_rng(0))
    assert p == pytest.approx(expected)


def test_random_flips_of_many_clusters():
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=(2, 60))
    b += 0.3
    peer = stats.permutation_test(
        (a - b,), np.sum, permutation_type="samples", n_resamples=20_000, rng=rng
    ).pvalue
    paired = pair({"a": a, "b": b}, list(map(str, range(60))))
    (p,) = sign_flips(paired, ONE_PAIR, 0.05, np.random.default_rng(0))
    assert p == pytest.approx(peer, abs=0.02)
    assert 0.001 < p < 0.9


def test_one_pair_of_many_uses_its_own_columns():
    rng = np.random.default_rng(5)
    scores = {name: rng.normal(size=9) + i / 2 for i, name in enumerate("abc")}
    clusters = list(map(str, range(9)))
    every = sign_flips(pair(scores, clusters), np.triu_indices(3, k=1), 0.05, rng)
    for p, (one, other) in zip(every, itertools.combinations("abc", 2), strict=True):
        alone = pair({one: scores[one], other: scores[other]}, clusters)
        assert sign_flips(alone, ONE_PAIR, 0.05, rng)[0] == pytest.approx(p)


def test_p_is_never_zero_and_small_enough_for_holm():
    paired = pair({"a": np.ones(500), "b": np.full(500, 0.5)}, list(map(str, range(500))))
    (p,) = sign_flips(paired, ONE_PAIR, 0.05, np.random.default_rng(0))
    assert p == pytest.approx(1 / 10_000)
    few = pair({"a": np.ones(50), "b": np.full(50, 0.5)}, list(map(str, range(50))))
    many = (np.zeros(90, dtype=int), np.ones(90, dtype=int))
    assert holm(sign_flips(few, many, 0.005, np.random.default_rng(0))).max() < 0.005


def test_equal_sums_count_as_reached():
    # Tenths round, tens do not; ties between sums of tenths must still be seen as ties.
    rng = np.random.default_rng(7)
    clusters = list(map(str, range(10)))
    for _ in range(20):
        tens = rng.integers(0, 11, size=(10, 2)).astype(float)
        rounded, exact = (
            sign_flips(pair(dict(zip("ab", s.T, strict=True)), clusters), ONE_PAIR, 0.05, rng)
            for s in (tens / 10, tens)
        )
        assert rounded == exact


def test_chunks_only_save_memory(monkeypatch):
    rng = np.random.default_rng(6)
    paired = pair({"a": rng.normal(size=40), "b": rng.normal(size=40)}, list(map(str, range(40))))
    whole = sign_flips(paired, ONE_PAIR, 0.05, np.random.default_rng(0))
    monkeypatch.setattr(significance, "CHUNK_BITS", 40 * 1000)
    parts = sign_flips(paired, ONE_PAIR, 0.05, np.random.default_rng(0))
    np.testing.assert_array_equal(whole, parts)


def test_holm_by_hand():
    # Sorted .005 .01 .03 .04 times 4 3 2 1 is .02 .03 .06 .04; the last may not be below .06.
    adjusted = holm(np.array([0.01, 0.04, 0.03, 0.005]))
    np.testing.assert_allclose(adjusted, [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm(np.array([0.6, 0.7])), [1.0, 1.0])
