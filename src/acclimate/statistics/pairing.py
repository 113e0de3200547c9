"""Scores of several systems put side by side on the items that all of them have."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from acclimate.core.errors import DataError
from acclimate.core.types import Floats

Scores = Mapping[str, Sequence[float] | Floats]
"""System → its score on every item, in one order; NaN where there is none."""


@dataclass(frozen=True)
class Paired:
    """Systems on the same items (I items, K systems, C clusters)."""

    names: tuple[str, ...]
    scores: Floats
    """Shape (I, K), no NaN."""
    sums: Floats
    """Sum of each cluster's scores, shape (C, K)."""
    sizes: Floats
    """Items of each cluster, shape (C,), >= 1."""

    @property
    def means(self) -> Floats:
        """Mean over items, shape (K,)."""
        return np.asarray(self.scores.mean(axis=0), dtype=float)

    @property
    def is_binary(self) -> bool:
        """Whether every score is right (1) or wrong (0)."""
        return bool(np.isin(self.scores, (0.0, 1.0)).all())

    @property
    def is_clustered(self) -> bool:
        """Whether some items vary together."""
        return bool((self.sizes > 1).any())

    def ranked(self) -> "Paired":
        """The systems with the highest mean first; equal ones stay in order."""
        order = np.argsort(-self.means, kind="stable")
        names = tuple(self.names[i] for i in order)
        return Paired(names, self.scores[:, order], self.sums[:, order], self.sizes)


def pair(scores: Scores, clusters: Sequence[str]) -> Paired:
    """Keep the items that every system has a score of, and sum them by cluster.

    Args:
        scores: System → scores of the same items in the same order; NaN marks a missing one.
        clusters: The cluster of each item; items of one vary together.

    Raises:
        DataError: There is no system, lengths differ, a score is infinite, or no item is left.
    """
    if not scores:
        raise DataError("compare: got no system; it needs at least one")
    table = np.column_stack([_column(name, s, len(clusters)) for name, s in scores.items()])
    shared = ~np.isnan(table).any(axis=1)
    if not shared.any():
        raise DataError(
            f"compare: none of {len(clusters)} items has a score of every system "
            f"({', '.join(scores)}); systems are compared on the items that all of them answered"
        )
    table = table[shared]
    _, members = np.unique(np.asarray(clusters, dtype=str)[shared], return_inverse=True)
    sizes = np.bincount(members).astype(float)
    totals = [np.bincount(members, weights=column) for column in table.T]
    sums = np.column_stack(totals).astype(float)
    return Paired(tuple(scores), table, sums, sizes)


def _column(name: str, scores: Sequence[float] | Floats, num_items: int) -> Floats:
    column = np.asarray(scores, dtype=float)
    if column.shape != (num_items,):
        raise DataError(
            f"compare: '{name}' has {len(column)} scores for {num_items} items; "
            "give each item one, NaN where it is missing"
        )
    if np.isinf(column).any():
        where = int(np.isinf(column).argmax())
        raise DataError(f"compare: '{name}' has the score {column[where]} on item {where + 1}")
    return column
