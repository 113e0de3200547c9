"""Resampled means spread as the clustered formula says, and intervals are not too narrow."""

import numpy as np
import pytest
from scipy import stats

from acclimate.statistics import bootstrap as resampling
from acclimate.statistics.bootstrap import expanded_percentiles, resampled_means, unseen_share
from acclimate.statistics.pairing import pair


def clustered(rng, num_clusters):
    sizes = rng.integers(1, 8, size=num_clusters)
    members = np.repeat(np.arange(num_clusters), sizes)
    scores = rng.normal(size=num_clusters)[members] + rng.normal(size=len(members))
    return scores, [str(m) for m in members]


def test_spread_is_the_clustered_standard_error():
    # SE = sqrt(sum over clusters of (sum of residuals)^2) / n.
    rng = np.random.default_rng(1)
    scores, clusters = clustered(rng, 80)
    residuals = scores - scores.mean()
    sums = [residuals[np.array(clusters) == c].sum() for c in set(clusters)]
    formula = np.sqrt(np.sum(np.square(sums))) / len(scores)
    draws = resampled_means(pair({"a": scores}, clusters), 6_000, rng)
    assert draws.shape == (6_000, 1)
    assert draws.std() == pytest.approx(formula, rel=0.05)
    assert draws.mean() == pytest.approx(scores.mean(), abs=0.1 * formula)
    assert formula > 1.3 * scores.std() / np.sqrt(len(scores))


def test_chunks_only_save_memory(monkeypatch):
    paired = pair({"a": [0, 1, 1, 0, 1]}, list("vwxyz"))
    whole = resampled_means(paired, 101, np.random.default_rng(0))
    monkeypatch.setattr(resampling, "CHUNK_COUNTS", 40)
    np.testing.assert_array_equal(whole, resampled_means(paired, 101, np.random.default_rng(0)))


def test_levels_move_out_with_few_clusters():
    # t quantile for 9 degrees of freedom, 2.262, times sqrt(10/9): a normal tail of 0.00856.
    draws = np.arange(100_001.0)[:, None] / 100_000
    low, high = expanded_percentiles(draws, 10, 0.95)[:, 0]
    assert low == pytest.approx(stats.norm.sf(2.2622 * np.sqrt(10 / 9)), abs=2e-5)
    assert high == pytest.approx(1 - low)
    assert expanded_percentiles(draws, 10**6, 0.95)[0, 0] == pytest.approx(0.025, abs=1e-4)


@pytest.mark.parametrize("n", [1, 10, 200])
def test_unseen_share_is_clopper_and_pearson(n):
    peer = stats.binomtest(n, n).proportion_ci(0.9, method="exact")
    assert 1 - unseen_share(n, 0.9) == pytest.approx(peer.low)
