"""Neighbouring rows of about one length, which attend together.

All rows of a pass in one call would each be read as far as the longest one reaches: of answers
that began at different times, half of that is padding.

Letters: B rows, G groups of neighbours of about one length.
"""

from collections.abc import Sequence
from itertools import pairwise

NEAR_LENGTHS = 8
"""Neighbours whose lengths are not so far from the first one's are never parted."""
CALL_PLACES = 64
"""Places whose reading takes about as long as one more call."""


def length_groups(lengths: Sequence[int]) -> list[slice]:
    """Cut rows into bands such that reading padding and making calls cost the least together.

    Args:
        lengths: Places that each row holds, (B,); when all grow alike, the bands stay the best.

    Returns:
        Slices of the rows, in order; together they are all.
    """
    if max(lengths) - min(lengths) < CALL_PLACES // len(lengths):
        return [slice(0, len(lengths))]
    cuts = [0]
    for row, length in enumerate(lengths):
        if abs(length - lengths[cuts[-1]]) >= NEAR_LENGTHS:
            cuts.append(row)
    cuts.append(len(lengths))
    tops = [max(lengths[start:end]) for start, end in pairwise(cuts)]
    # The least cost of the first G groups, and where the last of their bands begins.
    best: list[tuple[float, int]] = [(0, 0)]
    for end in range(1, len(cuts)):
        longest, options = 0, []
        for start in range(end - 1, -1, -1):
            longest = max(longest, tops[start])
            places = (cuts[end] - cuts[start]) * longest
            options.append((best[start][0] + places + CALL_PLACES, start))
        best.append(min(options))
    found, end = [], len(cuts) - 1
    while end:
        start = best[end][1]
        found.append(slice(cuts[start], cuts[end]))
        end = start
    return found[::-1]


class LengthGroups:
    """The bands of rows in flight, looked for anew when one grew otherwise than the others."""

    def __init__(self) -> None:
        """Know none yet."""
        self._shape: list[int] = []
        self._bands: list[slice] = []

    def ends(self, lengths: Sequence[int]) -> list[tuple[slice, int]]:
        """The bands of rows that hold so many places, and how many the longest of each holds."""
        shape = [length - lengths[0] for length in lengths]
        if shape != self._shape:
            self._shape, self._bands = shape, length_groups(lengths)
        return [(rows, max(lengths[rows])) for rows in self._bands]
