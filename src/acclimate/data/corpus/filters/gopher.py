"""Gopher's rules for documents (Rae et al. 2021, section A.1.1 and table A1).

https://arxiv.org/abs/2112.11446
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from acclimate.data.corpus.filters.word_counts import STOP_WORDS, Words
from acclimate.data.corpus.settings import CorpusSettings

_TOP_GRAMS = ((2, 0.20), (3, 0.18), (4, 0.16))
"""Table A1: n, and the share of characters in the n words in a row that occur most often."""
_REPEATED_GRAMS = ((5, 0.15), (6, 0.14), (7, 0.13), (8, 0.12), (9, 0.11), (10, 0.10))
"""Table A1: n, and the share of characters in n words in a row that stood before."""
_BULLETS = ("•", "‣", "▪", "◦", "●", "○", "∙", "·", "* ", "- ", "\u2013 ", "+ ")


def gopher_fault(text: str, words: Words, settings: CorpusSettings) -> str:
    """The first rule that a document breaks, with what it got; empty where it keeps all.

    Differs: shares are of the characters that are no spaces, words are compared without case and
    outer marks, and what counts as repeated is each time after the first, as the paper leaves
    open what it counts.
    """
    faults = (_length, _characters, _lines, _kinds, _repeated_lines, _top_grams, _repeated_grams)
    return next((sentence for fault in faults for sentence in fault(text, words, settings)), "")


def _length(_text: str, words: Words, settings: CorpusSettings) -> Iterator[str]:
    count = len(words.lengths)
    if count < settings.min_words:
        yield f"min_words: {count} words, at least {settings.min_words}"
    if settings.quality == "web" and count > settings.max_words:
        yield f"max_words: {count} words, at most {settings.max_words}"


def _characters(text: str, words: Words, settings: CorpusSettings) -> Iterator[str]:
    count = max(1, len(words.lengths))
    mean = words.lengths.sum() / count
    if not settings.min_mean_word_chars <= mean <= settings.max_mean_word_chars:
        bounds = f"{settings.min_mean_word_chars:g} to {settings.max_mean_word_chars:g}"
        yield f"mean_word_chars: {mean:.1f} characters a word, {bounds}"
    ellipses = text.count("...") + text.count("…")
    for name, num_symbols in (("hash", text.count("#")), ("ellipsis", ellipses)):
        yield from _above(f"{name}_share", num_symbols / count, settings.max_symbol_share)


def _lines(text: str, _words: Words, settings: CorpusSettings) -> Iterator[str]:
    lines = _parts(text, "\n")
    bullets = sum(line.startswith(_BULLETS) for line in lines)
    yield from _above("bullet_share", bullets / max(1, len(lines)), settings.max_bullet_share)
    cut = sum(line.endswith(("...", "…")) for line in lines)
    yield from _above("ellipsis_lines", cut / max(1, len(lines)), settings.max_ellipsis_share)


def _kinds(_text: str, words: Words, settings: CorpusSettings) -> Iterator[str]:
    share = words.num_alphabetic / max(1, len(words.lengths))
    if share < settings.min_alphabetic_share:
        yield f"alphabetic_share: {share:.2f}, at least {settings.min_alphabetic_share:g}"
    if words.num_stop_words < settings.min_stop_words:
        yield (
            f"stop_words: {words.num_stop_words} of {', '.join(STOP_WORDS)}, at least "
            f"{settings.min_stop_words}"
        )


def _repeated_lines(text: str, _words: Words, settings: CorpusSettings) -> Iterator[str]:
    for name, mark in (("lines", "\n"), ("paragraphs", "\n\n")):
        parts = _parts(text, mark)
        distinct = set(parts)
        if len(distinct) < len(parts):
            share = 1 - len(distinct) / len(parts)
            yield from _above(f"repeated_{name}", share, settings.max_repeated_share)
            chars = 1 - sum(map(len, distinct)) / sum(map(len, parts))
            yield from _above(f"repeated_{name}_chars", chars, settings.max_repeated_chars_share)


def _top_grams(_text: str, words: Words, _settings: CorpusSettings) -> Iterator[str]:
    for n, allowed in _TOP_GRAMS:
        yield from _above(f"top_{n}_grams", top_gram_share(words, n, above=allowed), allowed)


def _repeated_grams(_text: str, words: Words, _settings: CorpusSettings) -> Iterator[str]:
    for n, allowed in _REPEATED_GRAMS:
        share = repeated_gram_share(words, n)
        yield from _above(f"repeated_{n}_grams", share, allowed)
        if not share:
            return  # longer ones cannot be repeated either


def top_gram_share(words: Words, n: int, *, above: float = 0.0) -> float:
    """Share of the characters in the `n` words in a row that occur most often, more than once.

    Args:
        words: Of a document.
        n: How many words, at least 1.
        above: A share that is surely no higher need not be found exactly: 0 is returned.
    """
    grams = words.grams(n)
    if not len(grams):
        return 0.0
    ends = np.concatenate([[0], np.cumsum(words.lengths)])
    chars = ends[n:] - ends[:-n]
    most = _counts(grams).max()
    if most == 1 or most * chars.max() <= above * ends[-1]:
        return 0.0
    _, first, counts = np.unique(grams, return_index=True, return_counts=True)
    return float(most * chars[first][counts == most].max() / ends[-1])


def repeated_gram_share(words: Words, n: int) -> float:
    """Share of the characters in any `n` words in a row that stood before, each counted once."""
    grams = words.grams(n)
    if not len(grams) or _counts(grams).max() == 1:
        return 0.0
    is_repeated: npt.NDArray[np.bool_] = np.ones(len(grams), dtype=bool)
    is_repeated[np.unique(grams, return_index=True)[1]] = False
    steps = np.zeros(len(words.lengths) + 1, dtype=np.int64)
    steps[: len(grams)] += is_repeated
    steps[n:] -= is_repeated
    is_covered = np.cumsum(steps[:-1]) > 0
    return float(words.lengths[is_covered].sum() / words.lengths.sum())


def _counts(grams: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """How often each distinct one occurs; several times faster than `numpy.unique`."""
    ranked = np.sort(grams)
    ends = np.flatnonzero(ranked[1:] != ranked[:-1])
    return np.diff(np.concatenate([[-1], ends, [len(grams) - 1]]))


def _parts(text: str, mark: str) -> Sequence[str]:
    return [part for part in map(str.strip, text.split(mark)) if part]


def _above(rule: str, share: float, allowed: float) -> Iterator[str]:
    if share > allowed:
        yield f"{rule}: {share:.2f}, at most {allowed:g}"
