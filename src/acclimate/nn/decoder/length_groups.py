"""Groups of neighbouring rows of about one length, each with an attention call.

In one call, all rows of a pass would be read as far as the longest one reaches: of answers that
began at different times, half of that is padding.

Letters: B rows, G groups.
"""

from collections.abc import Sequence
from itertools import pairwise

NEAR_LENGTHS = 8
"""Neighbours whose lengths differ by less from the first one's are always of one group."""
CALL_SLOTS = 64
"""KV slots whose reading takes about as long as one more call."""


def length_groups(lengths: Sequence[int]) -> list[slice]:
    """Cut rows into groups such that reading padding and making calls cost the least together.

    Args:
        lengths: Slots that each row holds, (B,); when all grow alike, the groups stay the best.

    Returns:
        Slices of the rows, in order; together they are all.
    """
    if max(lengths) - min(lengths) < CALL_SLOTS // len(lengths):
        return [slice(0, len(lengths))]
    cuts = [0]
    for row, length in enumerate(lengths):
        if abs(length - lengths[cuts[-1]]) >= NEAR_LENGTHS:
            cuts.append(row)
    cuts.append(len(lengths))
    tops = [max(lengths[start:end]) for start, end in pairwise(cuts)]
    # The least cost of the rows up to each cut, and the cut at which their last group begins.
    best: list[tuple[float, int]] = [(0, 0)]
    for end in range(1, len(cuts)):
        longest, options = 0, []
        for start in range(end - 1, -1, -1):
            longest = max(longest, tops[start])
            num_slots = (cuts[end] - cuts[start]) * longest
            options.append((best[start][0] + num_slots + CALL_SLOTS, start))
        best.append(min(options))
    groups, end = [], len(cuts) - 1
    while end:
        start = best[end][1]
        groups.append(slice(cuts[start], cuts[end]))
        end = start
    return groups[::-1]


class LengthGroups:
    """The groups of a batch's rows, made anew when one row grew otherwise than the others."""

    def __init__(self) -> None:
        """Begin with none."""
        self._shape: list[int] = []
        self._groups: list[slice] = []

    def ends(self, lengths: Sequence[int]) -> list[tuple[slice, int]]:
        """The groups of rows that hold so many slots, and the slots of the longest of each."""
        shape = [length - lengths[0] for length in lengths]
        if shape != self._shape:
            self._shape, self._groups = shape, length_groups(lengths)
        return [(rows, max(lengths[rows])) for rows in self._groups]
