"""Texts that are the same but for a few words, found with MinHash and verified."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from acclimate.core.runtime.progress import progress

_NUM_PERM = 64
_LSH_THRESHOLD = 0.6
"""Candidates are taken below the limits that follow, then compared exactly."""
WORDS, WORD_LIMIT = 5, 0.8
"""Shingles of five words, and the Jaccard similarity from which two texts are near-duplicates
(Lee et al. 2022, "Deduplicating Training Data Makes Language Models Better", section 4.2)."""
CHARS, CHAR_LIMIT = 5, 0.85
"""The same for texts under fifty words, where one other word changes a fifth of all shingles of
words; stricter, as short questions look alike."""
_SHORT_WORDS = 50
_MAX_CANDIDATES = 1_000
"""Of one text. More are alike only where all questions have one form; equal ones are all found."""


@dataclass(frozen=True, slots=True)
class Match:
    """A text of the one list that is nearly a text of the other."""

    left: int
    """Index in the first list."""
    right: int
    """Index in the second list."""
    similarity: float
    """Jaccard similarity of their shingles; 1: the same but for case, spaces and marks."""


def near_duplicates(left: Sequence[str], right: Sequence[str]) -> Iterator[Match]:
    """Pairs across two lists that are equal or nearly so, in order of the second list.

    Two texts with different numbers in them are never taken for duplicates: they are different
    questions of one form.
    """
    from datasketch import MinHashLSH

    index = MinHashLSH(threshold=_LSH_THRESHOLD, num_perm=_NUM_PERM)
    shingled = [_shingles(text) for text in left]
    same: dict[frozenset[str], list[int]] = {}
    with progress("looking for duplicates", len(left) + len(right)) as advance:
        for i, shingles in enumerate(shingled):
            index.insert(i, _signature(shingles))
            same.setdefault(shingles, []).append(i)
            advance(1)
        for j, text in enumerate(right):
            shingles = _shingles(text)
            alike = sorted(index.query(_signature(shingles)))[:_MAX_CANDIDATES]
            for i in sorted({*alike, *same.get(shingles, [])}):
                similarity = _similarity(shingled[i], shingles)
                limit = CHAR_LIMIT if _is_short(left[i]) or _is_short(text) else WORD_LIMIT
                if similarity >= limit and _numbers(left[i]) == _numbers(text):
                    yield Match(i, j, similarity)
            advance(1)


def merge_near_duplicates(texts: Sequence[str], groups: Sequence[str]) -> list[str]:
    """The groups, with those that share a near-duplicate made one.

    Args:
        texts: One an item.
        groups: The group of each.
    """
    parent: dict[str, str] = {group: group for group in groups}

    def root(group: str) -> str:
        while parent[group] != group:
            parent[group] = parent[parent[group]]
            group = parent[group]
        return group

    for match in near_duplicates(texts, texts):
        one, other = root(groups[match.left]), root(groups[match.right])
        parent[max(one, other)] = min(one, other)
    return [root(group) for group in groups]


def _words(text: str) -> list[str]:
    return re.findall(r"\w+|[^\w\s.,;:!?]", text.casefold())


def _is_short(text: str) -> bool:
    return len(_words(text)) < _SHORT_WORDS


def _shingles(text: str) -> frozenset[str]:
    words = _words(text)
    if len(words) >= _SHORT_WORDS:
        return frozenset(" ".join(words[i : i + WORDS]) for i in range(len(words) - WORDS + 1))
    line = " ".join(words)
    return frozenset(line[i : i + CHARS] for i in range(max(1, len(line) - CHARS + 1)))


def _numbers(text: str) -> list[str]:
    return sorted(re.findall(r"\d+", text))


def _similarity(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other)


def _signature(shingles: Iterable[str]) -> "object":
    from datasketch import MinHash

    signature = MinHash(num_perm=_NUM_PERM, seed=1)
    signature.update_batch([shingle.encode("utf-8", "replace") for shingle in sorted(shingles)])
    return signature
