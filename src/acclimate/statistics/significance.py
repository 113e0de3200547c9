"""Two-sided p-values of paired differences, and their adjustment for many pairs."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from acclimate.core.runtime.progress import progress
from acclimate.core.types import Floats
from acclimate.statistics.pairing import Paired

Pairs = tuple[NDArray[np.intp], NDArray[np.intp]]
"""Columns of the first and of the second system of each pair."""

MIN_FLIPS = 9_999
"""Fewest random sign flips: an estimated p of 0.05 has a standard error of 0.002."""
CHUNK_BITS = 4_000_000
"""Signs held at once; 32 MB as floats."""


def mcnemar(scores: Floats, pairs: Pairs) -> Floats:
    """Exact p-values of McNemar's test (1947): are disagreements a fair coin?

    Args:
        scores: Right (1) or wrong (0), shape (items, systems).
        pairs: Which systems to compare.
    """
    from scipy.special import bdtr

    first, second = pairs
    both = scores.T @ scores
    only_first = both[first, first] - both[first, second]
    only_second = both[second, second] - both[first, second]
    discordant = only_first + only_second
    fewer = np.minimum(only_first, only_second)
    tails: Floats = 2 * bdtr(fewer, discordant.astype(int), 0.5)
    return np.minimum(1.0, tails)


def sign_flips(paired: Paired, pairs: Pairs, alpha: float, rng: np.random.Generator) -> Floats:
    """P-values by flipping the sign of whole clusters' differences.

    All 2^C flips are tried where they are few. Else so many are drawn that a pair that none of them
    reaches is still below `alpha` after Holm, four times over; p is (reached + 1) / (drawn + 1),
    never 0 (Phipson and Smyth, 2010). The same flips serve every pair.
    """
    first, second = pairs
    num_clusters = len(paired.sizes)
    wanted = max(MIN_FLIPS, math.ceil(4 * len(first) / alpha))
    is_exact = 2 ** min(num_clusters - 1, 62) <= wanted
    total = paired.sums.sum(axis=0)
    # Equal sums must count as reached although rounding may put them a hair apart.
    slack = 1e-12 * np.abs(paired.sums).sum()
    observed = np.abs(total[first] - total[second]) - slack
    reached = np.zeros(len(first))
    chunks = _all_flips(num_clusters) if is_exact else _random_flips(num_clusters, wanted, rng)
    num_flips = 2 ** (num_clusters - 1) if is_exact else wanted
    with progress("sign flips", num_flips) as advance:
        for is_positive in chunks:
            flipped = 2 * (is_positive @ paired.sums) - total
            reached += (np.abs(flipped[:, first] - flipped[:, second]) >= observed).sum(axis=0)
            advance(len(is_positive))
    return reached / num_flips if is_exact else (reached + 1) / (num_flips + 1)


def _random_flips(num_clusters: int, count: int, rng: np.random.Generator) -> Iterator[Floats]:
    """Chunks of rows of 0 (flipped) and 1 (kept), shape (chunk, C)."""
    step = max(1, CHUNK_BITS // num_clusters)
    for start in range(0, count, step):
        size = (min(step, count - start), (num_clusters + 7) // 8)
        packed = rng.integers(0, 256, size=size, dtype=np.uint8)
        yield np.unpackbits(packed, axis=1, count=num_clusters).astype(float)


def _all_flips(num_clusters: int) -> Iterator[Floats]:
    """Every row of 0 and 1 whose first is 1: its mirror image has the same absolute sum."""
    num_free = num_clusters - 1
    step = 2**14
    for start in range(0, 2**num_free, step):
        numbers = np.arange(start, min(start + step, 2**num_free))[:, None]
        bits = (numbers >> np.arange(num_free)) & 1
        yield np.column_stack([np.ones(len(numbers)), bits])


def holm(p_values: Floats) -> Floats:
    """Adjust p-values so that all errors together stay below a level (Holm, 1979).

    The i-th smallest of m (from 0) is multiplied by m - i; none is below a smaller one's.
    """
    order = np.argsort(p_values, kind="stable")
    scaled = p_values[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(scaled))
    return adjusted
