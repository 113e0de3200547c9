"""Rows are cut into bands that cost the least."""

from itertools import combinations, pairwise

import numpy as np
import pytest

from acclimate.nn.decoder.length_groups import (
    CALL_SLOTS,
    NEAR_LENGTHS,
    LengthGroups,
    length_groups,
)


def cost(lengths: list[int], cut: list[slice]) -> int:
    """Places that are read, and what calls cost in places."""
    own = [lengths[rows] for rows in cut]
    return sum(len(part) * max(part) + CALL_SLOTS for part in own)


def least(lengths: list[int]) -> int:
    """By trying all cuts."""
    inner = range(1, len(lengths))
    found = []
    for number in range(len(inner) + 1):
        for chosen in combinations(inner, number):
            ends = [0, *chosen, len(lengths)]
            cut = [slice(a, b) for a, b in pairwise(ends)]
            found.append(cost(lengths, cut))
    return min(found)


@pytest.mark.parametrize("seed", range(8))
def test_no_other_cut_costs_less(seed):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 300, rng.integers(1, 12)).tolist()
    found = length_groups(lengths)
    assert [row for rows in found for row in range(len(lengths))[rows]] == [*range(len(lengths))]
    assert (
        cost(lengths, found) <= least(lengths) + 2 * len(lengths) * NEAR_LENGTHS
    )  # which are not looked at


def test_rows_alike_stay_together_and_others_part():
    assert length_groups([70] * 64) == [slice(0, 64)]
    assert length_groups([500] * 8 + [10] * 8) == [slice(0, 8), slice(8, 16)]
    assert len(length_groups([10 + 2 * row for row in range(64)])) > 3


def test_the_bands_follow_rows_that_come_go_and_grow():
    kept = LengthGroups()
    assert kept.ends([100] * 4 + [300] * 4) == [(slice(0, 4), 100), (slice(4, 8), 300)]
    assert kept.ends([109] * 4 + [309] * 4) == [(slice(0, 4), 109), (slice(4, 8), 309)]
    assert kept.ends([109] * 4) == [(slice(0, 4), 109)]
    assert kept.ends([300] * 4 + [100] * 4) == [(slice(0, 4), 300), (slice(4, 8), 100)]
