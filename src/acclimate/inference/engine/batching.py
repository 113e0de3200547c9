"""Group prompts into batches that fit in one pass, and find the prefix they share."""

from collections.abc import Iterator, Sequence
from itertools import takewhile

MAX_BATCH_TOKENS = 8192
"""Tokens in one pass: enough to fill two cores, little enough to keep activations in cache."""
MIN_SHARED_TOKENS = 16
"""A shorter common prefix costs more to handle than to compute again."""


def by_length(lengths: Sequence[int], max_tokens: int = MAX_BATCH_TOKENS) -> Iterator[list[int]]:
    """Indices of prompts, longest first, in groups whose padded size is at most `max_tokens`."""
    group: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if group and (len(group) + 1) * lengths[group[0]] > max_tokens:
            yield group
            group = []
        group.append(index)
    if group:
        yield group


def shared_prefix(contexts: Sequence[list[int]], routes: Sequence[int | None] = ()) -> int:
    """Number of leading tokens that all contexts share; at least one of each is left to read.

    0 where sharing would not pay, or routes differ: no adapter may use another's keys and values.
    """
    if len(contexts) < 2 or len(set(routes)) > 1:
        return 0
    # All lie between the least and the greatest, so what those two share, all share.
    least, greatest = min(contexts), max(contexts)
    alike = takewhile(lambda pair: pair[0] == pair[1], zip(least, greatest, strict=False))
    longest = min(sum(1 for _ in alike), min(map(len, contexts)) - 1)
    return longest if longest >= MIN_SHARED_TOKENS else 0
