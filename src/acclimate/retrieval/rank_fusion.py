"""Rank fusion: rankings of several searches combined into one."""

from collections.abc import Sequence

Hits = list[tuple[int, float]]
"""Passage numbers with their scores, best first."""


def reciprocal_rank_fusion(rankings: Sequence[Sequence[int]], *, k: int = 60) -> Hits:
    """Score each passage by the sum of 1 / (k + rank) over the rankings that have it.

    Cormack, Clarke and Büttcher, 2009 (https://doi.org/10.1145/1571941.1572114), whose k is 60;
    ranks count from 1. Equal scores go by the better single rank, then by passage number.
    """
    scores: dict[int, float] = {}
    best: dict[int, int] = {}
    for ranking in rankings:
        for rank, passage in enumerate(ranking, start=1):
            scores[passage] = scores.get(passage, 0.0) + 1 / (k + rank)
            best[passage] = min(best.get(passage, rank), rank)
    order = sorted(scores, key=lambda passage: (-scores[passage], best[passage], passage))
    return [(passage, scores[passage]) for passage in order]
