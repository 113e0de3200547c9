"""Reciprocal-rank fusion by hand."""

import pytest

from acclimate.retrieval.rank_fusion import reciprocal_rank_fusion


def test_scores_by_hand():
    fused = reciprocal_rank_fusion([[7, 8, 9], [9, 7]])
    assert fused == [
        (7, pytest.approx(1 / 61 + 1 / 62)),
        (9, pytest.approx(1 / 63 + 1 / 61)),
        (8, pytest.approx(1 / 62)),
    ]


def test_small_k_favours_the_first_ranks():
    rankings = [[1, 2], [3, 2]]
    assert [n for n, _ in reciprocal_rank_fusion(rankings, k=60)] == [2, 1, 3]
    assert [n for n, _ in reciprocal_rank_fusion([[1, 2, 4], [3, 5, 4]], k=0)] == [1, 3, 4, 2, 5]


def test_equal_scores_go_by_number():
    assert [n for n, _ in reciprocal_rank_fusion([[5], [2]])] == [2, 5]


def test_nothing_found():
    assert reciprocal_rank_fusion([[], []]) == []
