"""Cutting groups of items into splits, so that no group stands in two."""

from collections import Counter
from collections.abc import Mapping

import numpy as np

from acclimate.core.runtime.seeding import derive

SplitSizes = Mapping[str, Mapping[str, int]]
"""Group → task → number of items."""


def cut_groups(sizes: SplitSizes, shares: Mapping[str, float], seed: int) -> dict[str, str]:
    """Give each group to a split, so that every task is shared out about as wished.

    First each split gets a small group of every task that has groups enough, so that none stays
    empty; then groups go, the largest first, to the split that then comes nearest to its shares.
    Groups of one size are taken in an order drawn by seed.

    Args:
        sizes: Group → task → number of items.
        shares: Split → its share of the items; they sum to 1.
        seed: Of the draw.

    Returns:
        Group → split. With fewer groups than splits the last-named splits stay empty.
    """
    totals: Counter[str] = Counter()
    for by_task in sizes.values():
        totals.update(by_task)
    parts = {g: {t: n / totals[t] for t, n in counts.items() if n} for g, counts in sizes.items()}
    order = _shuffled(sorted(sizes), derive(seed, "groups"))
    order.sort(key=lambda group: -sum(parts[group].values()))
    lacking = {split: dict.fromkeys(totals, share) for split, share in shares.items()}
    first = _one_of_each(order[::-1], parts, list(shares))
    chosen: dict[str, str] = {}
    for group in [*first, *(group for group in order if group not in first)]:
        split = first.get(group) or max(
            shares, key=lambda s: _need(parts[group], lacking[s], shares[s])
        )
        chosen[group] = split
        for task, part in parts[group].items():
            lacking[split][task] -= part
    return chosen


def _need(part: Mapping[str, float], lacking: Mapping[str, float], share: float) -> float:
    """By how much the group lowers the sum over splits and tasks of lacking² / share."""
    return sum((2 * lacking[task] - size) * size for task, size in part.items()) / share


def _one_of_each(
    order: list[str], parts: Mapping[str, Mapping[str, float]], splits: list[str]
) -> dict[str, str]:
    """A group for each split and task, the first in order that are free."""
    first: dict[str, str] = {}
    tasks = sorted({task for part in parts.values() for task in part})
    for having in [*([g for g in order if t in parts[g]] for t in tasks), order]:
        wanting = [s for s in splits if s not in {first.get(group) for group in having}]
        free = [group for group in having if group not in first]
        if len(having) >= len(splits) or having is order:
            first |= dict(zip(free, wanting, strict=False))
    return first


def _shuffled(names: list[str], seed: int) -> list[str]:
    return [names[i] for i in np.random.default_rng(seed).permutation(len(names))]


def interleaved(groups: Mapping[str, list[str]], limit: int, seed: int) -> list[str]:
    """At most `limit` members, taken in turn from each group in an order drawn by seed.

    Large groups so give no more than small ones until those are used up.
    """
    queues = [
        _shuffled(sorted(groups[name]), derive(seed, "members", name))
        for name in _shuffled(sorted(groups), derive(seed, "turns"))
    ]
    longest = max(map(len, queues), default=0)
    turns = (queue[i] for i in range(longest) for queue in queues if i < len(queue))
    return [member for _, member in zip(range(limit), turns, strict=False)]
