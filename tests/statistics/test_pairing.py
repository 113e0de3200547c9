"""Systems are paired on the items that all of them have."""

import numpy as np
import pytest

from acclimate.core.errors import DataError
from acclimate.statistics.pairing import pair

NAN = float("nan")


def test_items_that_a_system_lacks_are_left_out():
    paired = pair({"a": [1, NAN, 0, 1], "b": [0, 1, 1, 1]}, ["x", "x", "x", "y"])
    np.testing.assert_array_equal(paired.scores, [[1, 0], [0, 1], [1, 1]])
    np.testing.assert_array_equal(paired.sums, [[1, 1], [1, 1]])
    np.testing.assert_array_equal(paired.sizes, [2, 1])


def test_a_cluster_that_is_all_missing_is_gone():
    paired = pair({"a": [1, NAN], "b": [0, 1]}, ["x", "y"])
    assert paired.sizes.tolist() == [1]


def test_best_first_and_equals_in_order():
    paired = pair({"a": [0, 1], "b": [1, 1], "c": [1, 0]}, ["x", "y"]).ranked()
    assert paired.names == ("b", "a", "c")
    assert paired.means.tolist() == [1.0, 0.5, 0.5]
    np.testing.assert_array_equal(paired.sums, [[1, 0, 1], [1, 1, 0]])


def test_kinds_of_scores():
    assert pair({"a": [0, 1]}, ["x", "y"]).is_binary
    assert not pair({"a": [0, 0.5]}, ["x", "y"]).is_binary
    assert pair({"a": [0, 1]}, ["x", "x"]).is_clustered
    assert not pair({"a": [0, 1]}, ["x", "y"]).is_clustered


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ({}, "got no system"),
        ({"a": [1]}, "'a' has 1 scores for 2 items"),
        ({"a": [1, float("inf")]}, "'a' has the score inf on item 2"),
        ({"a": [1, NAN], "b": [NAN, 1]}, r"none of 2 items has a score of every system \(a, b\)"),
    ],
)
def test_what_cannot_be_paired_is_refused(scores, message):
    with pytest.raises(DataError, match=message):
        pair(scores, ["x", "y"])
