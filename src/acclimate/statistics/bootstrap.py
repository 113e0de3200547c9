"""Intervals of means and differences from resampled clusters, with replacement.

The ends are expanded percentiles (Hesterberg, 2015, What Teachers Should Know About the Bootstrap,
section 5.3): percentiles of the resampled means at levels moved out so that C clusters, of which
one degree of freedom is spent, do not give an interval that is too narrow. They never leave the
range of the scores. Measured on synthetic data at 0.95 with 10 to 20 clusters: these covered 0.93
to 0.95, plain percentiles 0.89 to 0.93, BCa 0.89 to 0.93; the basic interval covered 0.73 to 0.87
of accuracies near 1 with 50 to 150 items. On strongly skewed clusters all are too narrow until
there are about 100 (these 0.87 with 10, 0.94 with 150).
"""

import numpy as np

from acclimate.core.runtime.progress import progress
from acclimate.core.types import Floats
from acclimate.statistics.pairing import Paired

CHUNK_COUNTS = 2_000_000
"""Weights held at once; 16 MB."""


def resampled_means(paired: Paired, num_resamples: int, rng: np.random.Generator) -> Floats:
    """Means of the items of C clusters drawn with replacement, shape (num_resamples, K).

    A resample is a vector of multinomial weights over clusters, so that all of them together are
    one matrix product with the cluster sums.
    """
    num_clusters = len(paired.sizes)
    step = max(1, CHUNK_COUNTS // num_clusters)
    totals = np.column_stack([paired.sums, paired.sizes])
    parts = []
    with progress("resampling", num_resamples) as advance:
        for start in range(0, num_resamples, step):
            count = min(step, num_resamples - start)
            drawn = _weights(count, num_clusters, rng) @ totals
            parts.append(drawn[:, :-1] / drawn[:, -1:])
            advance(count)
    return np.concatenate(parts)


def _weights(count: int, num_clusters: int, rng: np.random.Generator) -> Floats:
    drawn = rng.integers(0, num_clusters, size=(count, num_clusters))
    drawn += np.arange(count)[:, None] * num_clusters
    weights = np.bincount(drawn.ravel(), minlength=count * num_clusters)
    return weights.reshape(count, num_clusters).astype(float)


def expanded_percentiles(draws: Floats, num_clusters: int, confidence: float) -> Floats:
    """Lower and upper ends of each column, shape (2, columns).

    Args:
        draws: Resampled statistics, one row a resample.
        num_clusters: C, how many were resampled, at least 2.
        confidence: Of the interval, in (0, 1).
    """
    from scipy.special import ndtr, stdtrit

    tail = (1 - confidence) / 2
    quantile = stdtrit(num_clusters - 1, tail) * np.sqrt(num_clusters / (num_clusters - 1))
    level = float(ndtr(quantile))
    return np.quantile(draws, [level, 1 - level], axis=0)


def unseen_share(num_clusters: int, confidence: float) -> float:
    """Largest share of clusters that may differ although none of those seen does.

    A share f goes unseen with probability (1 - f)^C; this f makes that (1 - confidence) / 2.
    For right/wrong answers it gives the interval of Clopper and Pearson (1934) at 0 and n of n.
    """
    return float(1 - ((1 - confidence) / 2) ** (1 / num_clusters))
