"""Gopher's rules: each broken alone, and the repetition measures against slow versions."""

from collections import Counter

import numpy as np
import pytest

from acclimate.data.corpus.filters.gopher import gopher_fault, repeated_gram_share, top_gram_share
from acclimate.data.corpus.filters.word_counts import WordReader
from acclimate.data.corpus.settings import CorpusSettings

RNG = np.random.default_rng(0)
VOCABULARY = [a + b + c for a in "bdfgklm" for b in ("ato", "iru", "ela") for c in "nstr"]


def prose(num_words, num_lines=10):
    """Different words that break no rule."""
    words = [str(w) for w in RNG.choice(VOCABULARY, num_words)]
    words[3], words[9] = "the", "of"
    size = -(-num_words // num_lines)
    return "\n".join(" ".join(words[i : i + size]) for i in range(0, num_words, size))


GOOD = prose(200)
LINES = GOOD.split("\n")


def fault(text, **settings):
    said = gopher_fault(text, WordReader().read(text), CorpusSettings(**settings))
    return said.partition(":")[0]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (GOOD, ""),
        (" ".join(GOOD.split()[:49]), "min_words"),
        (" ".join(GOOD.split()[:50]), ""),
        (GOOD + " a b" * 150, "mean_word_chars"),
        (GOOD + (" " + "x" * 2000) * 2, "mean_word_chars"),
        (GOOD.replace(" ", " # ", 30), "hash_share"),
        (GOOD.replace(" ", " ... ", 30), "ellipsis_share"),
        ("\n".join("- " + line for line in LINES), "bullet_share"),
        ("\n".join(["• " + line for line in LINES[:9]] + LINES[9:]), ""),
        ("\n".join([line + "…" for line in LINES[:4]] + LINES[4:]), "ellipsis_lines"),
        ("\n".join([line + "…" for line in LINES[:3]] + LINES[3:]), ""),
        (GOOD + "\n" + " ".join(str(n) for n in range(1000, 1060)), "alphabetic_share"),
        (GOOD.replace("the ", "xyz ").replace("of ", "xyz "), "stop_words"),
        (GOOD + "\nthe end" * 6, "repeated_lines"),
        (GOOD + ("\n" + LINES[0]) * 3, "repeated_lines_chars"),
        (GOOD + "\n\n" + "\n\n".join(["a\nb", "a\nb"]), "repeated_paragraphs"),
        (GOOD + "\n" + " ".join(["again more"] * 30), "top_2_grams"),
        ("\n".join([LINES[0] + " " + LINES[1], GOOD, LINES[1] + " x " + LINES[0]]),
         "repeated_5_grams"),
    ],
)  # fmt: skip
def test_a_rule_at_a_time(text, rule):
    assert fault(text) == rule


def test_thresholds_come_from_the_settings():
    assert fault(GOOD, min_words=201) == "min_words"
    assert fault(GOOD, min_stop_words=3) == "stop_words"
    assert fault(GOOD + "\nthe end" * 6, max_repeated_share=0.4) == ""
    assert fault(GOOD, max_words=199) == ""
    assert fault(GOOD, max_words=199, quality="web") == "max_words"


def test_a_fault_says_what_it_got():
    words = WordReader().read("too short")
    assert gopher_fault("too short", words, CorpusSettings()) == "min_words: 2 words, at least 50"


def slow_top(words, n):
    grams = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
    counts = Counter(grams)
    most = max(counts.values(), default=0)
    if most < 2:
        return 0
    chars = max(sum(map(len, gram)) for gram, count in counts.items() if count == most)
    return most * chars / sum(map(len, words))


def slow_repeated(words, n):
    seen, covered = set(), set()
    for i in range(len(words) - n + 1):
        gram = tuple(words[i : i + n])
        if gram in seen:
            covered.update(range(i, i + n))
        seen.add(gram)
    return sum(len(words[i]) for i in covered) / sum(map(len, words))


@pytest.mark.parametrize("seed", range(20))
def test_repetition_against_slow_versions(seed):
    rng = np.random.default_rng(seed)
    words = [VOCABULARY[i][: 1 + i % 4] for i in rng.integers(0, 2 + seed, rng.integers(1, 120))]
    read = WordReader().read(" ".join(words))
    for n in range(1, 11):
        assert top_gram_share(read, n) == pytest.approx(slow_top(words, n))
        assert repeated_gram_share(read, n) == pytest.approx(slow_repeated(words, n))
        above = slow_top(words, n) * 0.99
        assert top_gram_share(read, n, above=above) == pytest.approx(slow_top(words, n))
