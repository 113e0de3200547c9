"""Every system's mean and every pair's difference, with how sure they are.

Intervals come from the cluster bootstrap. P-values come from the exact McNemar test where every
score is 0 or 1 and no cluster has two items, else from sign flips by cluster; Holm's adjustment
is over all pairs. Where clusters show no variation (all right, equal systems, one cluster),
resampling would give an interval of width 0; the interval is then what C clusters cannot exclude
on a scale from 0 to 1, or to the most extreme score seen.
"""

from collections.abc import Sequence

import numpy as np

from acclimate.core.errors import ConfigError
from acclimate.core.runtime.seeding import derive
from acclimate.core.types import Floats
from acclimate.statistics.bootstrap import expanded_percentiles, resampled_means, unseen_share
from acclimate.statistics.comparison import Comparison, Difference, Estimate
from acclimate.statistics.pairing import Paired, Scores, pair
from acclimate.statistics.significance import Pairs, holm, mcnemar, sign_flips

NUM_RESAMPLES = 2_000
"""An end of a 95 % interval then wobbles by 3 % of half its width from seed to seed."""


def compare(
    scores: Scores,
    clusters: Sequence[str],
    *,
    confidence: float = 0.95,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = 0,
) -> Comparison:
    """Compare systems on the items that all of them have.

    Args:
        scores: System → scores of the same items in the same order, higher is better; items
            that are NaN for any system are left out.
        clusters: The cluster of each item; items of one vary together.
        confidence: Of the intervals; 1 minus it is the level of the tests.
        num_resamples: Of the bootstrap, at least 100.
        seed: Of everything drawn.

    Raises:
        ConfigError: `confidence` or `num_resamples` is out of range.
        DataError: There is no system, lengths differ, a score is infinite, or no item is left.
    """
    _check(confidence, num_resamples)
    paired = pair(scores, clusters).ranked()
    rng = np.random.default_rng(derive(seed, "bootstrap"))
    draws = resampled_means(paired, num_resamples, rng)
    means = paired.means.tolist()
    ends = _intervals(paired.sums, draws, paired, confidence)
    return Comparison(
        confidence=confidence,
        num_items=len(paired.scores),
        num_left_out=len(clusters) - len(paired.scores),
        num_clusters=len(paired.sizes),
        estimates={
            name: Estimate(mean=mean, low=low, high=high)
            for name, mean, (low, high) in zip(paired.names, means, ends.T.tolist(), strict=True)
        },
        differences=tuple(_differences(paired, draws, confidence, seed)),
    )


def _check(confidence: float, num_resamples: int) -> None:
    if not 0 < confidence < 1:
        raise ConfigError(f"compare: confidence={confidence}, must be between 0 and 1")
    if num_resamples < 100:
        raise ConfigError(f"compare: num_resamples={num_resamples}, must be at least 100")


def _differences(paired: Paired, draws: Floats, confidence: float, seed: int) -> list[Difference]:
    first, second = pairs = np.triu_indices(len(paired.names), k=1)
    if not len(first):
        return []
    deltas = paired.means[first] - paired.means[second]
    sums = paired.sums[:, first] - paired.sums[:, second]
    ends = _intervals(sums, draws[:, first] - draws[:, second], paired, confidence, signed=True)
    alpha = round(1 - confidence, 12)
    mcnemar_p = mcnemar(paired.scores, pairs).tolist() if paired.is_binary else [None] * len(first)
    p_values = _p_values(paired, pairs, alpha, seed)
    adjusted = holm(p_values)
    return [
        Difference(
            better=paired.names[first[i]],
            worse=paired.names[second[i]],
            delta=deltas[i],
            low=ends[0, i],
            high=ends[1, i],
            p_value=p_values[i],
            holm_p=adjusted[i],
            mcnemar_p=mcnemar_p[i],
            is_significant=bool(adjusted[i] < alpha),
        )
        for i in range(len(first))
    ]


def _p_values(paired: Paired, pairs: Pairs, alpha: float, seed: int) -> Floats:
    if paired.is_binary and not paired.is_clustered:
        return mcnemar(paired.scores, pairs)
    return sign_flips(paired, pairs, alpha, np.random.default_rng(derive(seed, "sign flips")))


def _intervals(
    sums: Floats, draws: Floats, paired: Paired, confidence: float, *, signed: bool = False
) -> Floats:
    """Ends of the interval of each column of `sums`, shape (2, columns)."""
    num_clusters = len(paired.sizes)
    means = sums.sum(axis=0) / paired.sizes.sum()
    highest = max(1.0, float(paired.scores.max()))
    lowest = min(0.0, float(paired.scores.min()))
    if signed:
        highest, lowest = highest - lowest, lowest - highest
    share = unseen_share(num_clusters, confidence)
    widest = np.stack([means - share * (means - lowest), means + share * (highest - means)])
    if num_clusters == 1:
        return widest
    residuals = np.abs(sums - np.outer(paired.sizes, means)).max(axis=0)
    is_constant = residuals <= 1e-12 * (highest - lowest) * paired.sizes.max()
    return np.where(is_constant, widest, expanded_percentiles(draws, num_clusters, confidence))
