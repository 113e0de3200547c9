"""Words of some texts that a tokenizer breaks into many pieces."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

MARKS = ".,;:!?\u2026\"'`\u2018\u2019\u201c\u201d\u00ab\u00bb*_#|~"
"""What may stand around a word without being part of it, brackets aside."""
BRACKETS = {"(": ")", "[": "]", "{": "}", "<": ">"}
_PARTNERS = {**BRACKETS, **{close: start for start, close in BRACKETS.items()}}


def words_between_spaces(text: str) -> Iterator[str]:
    """What stands between spaces, without the marks around it: `(2S)-alanine,` is `(2S)-alanine`.

    Formulas, chemical names and citations are whole words here.
    """
    for run in text.split():
        word = _bare(run)
        if any(char.isalpha() for char in word):
            yield word


def long_words(
    tokenizer: Any, texts: Iterable[str], num_words: int, min_count: int
) -> list[tuple[str, int]]:
    """The words that cost most tokens beyond one each, costliest first, with their count.

    Args:
        tokenizer: A fast one.
        texts: Read once.
        num_words: At most so many.
        min_count: Rarer words are passed over: a new token must be met to be learned.
    """
    counts = Counter(word for text in texts for word in words_between_spaces(text))
    frequent = [word for word, count in counts.items() if count >= min_count]
    sizes = num_pieces(tokenizer, frequent)
    cost = {w: counts[w] * (sizes[w] - 1) for w in frequent if sizes[w] > 1}
    dearest = sorted(cost, key=lambda word: (-cost[word], word))[:num_words]
    return [(word, counts[word]) for word in dearest]


def num_pieces(tokenizer: Any, words: Iterable[str]) -> dict[str, int]:
    """Tokens of each word in running text, after a space."""
    words = list(words)
    if not words:
        return {}
    spaced = [f" {word}" for word in words]
    ids = tokenizer(spaced, add_special_tokens=False, verbose=False)["input_ids"]
    return {word: len(word_ids) for word, word_ids in zip(words, ids, strict=True)}


def _bare(run: str) -> str:
    """Strip marks, brackets around the whole, and those whose partner is not in the word."""
    word = run.strip(MARKS)
    while word:
        first, last = word[0], word[-1]
        is_whole = last == BRACKETS.get(first) and word.count(first) == 1
        if is_whole or _is_lonely(first, word):
            word = word[1:]
        elif _is_lonely(last, word):
            word = word[:-1]
        else:
            break
        word = word.strip(MARKS)
    return word


def _is_lonely(bracket: str, word: str) -> bool:
    return bracket in _PARTNERS and word.count(bracket) > word.count(_PARTNERS[bracket])
