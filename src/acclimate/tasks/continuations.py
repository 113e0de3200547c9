"""Questions of what comes next, made from running text."""

import re
from collections.abc import Iterable
from itertools import pairwise

import numpy as np

from acclimate.core.domain import Item
from acclimate.core.runtime.seeding import derive

_SENTENCE_END = re.compile(r"(?<=[a-z0-9)\"'][.!?])\s+(?=[A-Z\"'(])")
MIN_SENTENCE_CHARS, MAX_SENTENCE_CHARS = 30, 240
"""Shorter ones say too little to tell; longer ones crowd a small context window."""
_NUM_CHOICES = 4
_NEAREST = 12


def sentences(text: str) -> list[str]:
    """Sentences of a paragraph, single-spaced; a cheap cut that need not be perfect."""
    return [s for s in _SENTENCE_END.split(" ".join(text.split())) if s]


def continuation_items(
    texts: Iterable[tuple[str, str]], *, num_items: int, seed: int, prefix: str
) -> tuple[Item, ...]:
    """Items that ask which of four sentences follows one; the wrong ones follow others.

    Args:
        texts: Pairs of a group's name and a paragraph; items carry the group.
        num_items: At most so many, drawn by seed.
        seed: Of the draws.
        prefix: Of the items' ids.
    """
    pairs = _pairs(texts)
    rng = np.random.default_rng(derive(seed, "continuations", prefix))
    chosen = sorted(rng.permutation(len(pairs))[:num_items].tolist())
    items = []
    for index in chosen:
        group, before, after = pairs[index]
        others = {p[2] for p in pairs} - {after, before}
        near = sorted(others, key=lambda s: (abs(len(s) - len(after)), s))[:_NEAREST]
        if len(near) >= _NUM_CHOICES - 1:
            drawn = rng.choice(len(near), _NUM_CHOICES - 1, replace=False)
            choices = [after, *(near[i] for i in drawn)]
            items.append(
                Item(
                    id=f"{prefix}/{index}",
                    question=before,
                    target=after,
                    choices=tuple(choices[i] for i in rng.permutation(_NUM_CHOICES)),
                    group=group,
                )
            )
    return tuple(items)


def _pairs(texts: Iterable[tuple[str, str]]) -> list[tuple[str, str, str]]:
    by_sentence: dict[str, tuple[str, str, str]] = {}
    for group, text in texts:
        parts = sentences(text)
        for before, after in pairwise(parts):
            if all(MIN_SENTENCE_CHARS <= len(s) <= MAX_SENTENCE_CHARS for s in (before, after)):
                by_sentence.setdefault(before.casefold(), (group, before, after))
    return list(by_sentence.values())
