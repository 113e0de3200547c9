"""Word search against the BM25 formula worked out in the open."""

import math
import os
from collections import Counter

import pytest

from acclimate.data.normalization import words
from acclimate.retrieval.bm25_index import LexicalIndex, write_lexical

TEXTS = [
    "the cat sat on the mat",
    "json.dumps writes JSON text, json.loads reads it",
    "the dog and the cat and the other cat of the house",
    "urllib.request opens a URL",
    "nothing of note stands here",
    "a request is not a url",
]


def bm25(query, texts, k1=1.2, b=0.75):
    """Score every text: Robertson and Zaragoza, with the idf that is never negative."""
    counts = [Counter(words(text)) for text in texts]
    lengths = [c.total() for c in counts]
    average = sum(lengths) / len(texts)
    scores = [0.0] * len(texts)
    for word in set(words(query)):
        n = sum(word in c for c in counts)
        idf = math.log(1 + (len(texts) - n + 0.5) / (n + 0.5))
        for i, c in enumerate(counts):
            norm = k1 * (1 - b + b * lengths[i] / average)
            scores[i] += idf * c[word] * (k1 + 1) / (c[word] + norm)
    return {i: s for i, s in enumerate(scores) if s > 0}


@pytest.fixture
def index(tmp_path):
    write_lexical(tmp_path / "words", TEXTS)
    return LexicalIndex(tmp_path / "words")


@pytest.mark.parametrize(
    "query", ["the cat", "json.dumps", "how do I request a URL?", "cat cat url", "house"]
)
def test_scores_are_bm25(index, query):
    (hits,) = index.search([query], 10)
    expected = bm25(query, TEXTS)
    assert dict(hits) == pytest.approx(expected, rel=1e-5)
    assert [n for n, _ in hits] == sorted(expected, key=lambda n: (-expected[n], n))


def test_exact_names_come_before_their_parts(index):
    (hits,) = index.search(["urllib.request"], 10)
    assert [n for n, _ in hits] == [3, 5]


def test_queries_are_answered_in_order(index):
    found = index.search(["nothing", "", "zzz", "sat"], 2)
    assert [[n for n, _ in hits] for hits in found] == [[4], [], [], [0]]


def test_only_the_best_are_given(index):
    assert [n for n, _ in index.search(["the cat"], 1)[0]] == [2]


def test_query_syntax_means_nothing(index):
    assert [n for n, _ in index.search(['+dog -"cat" body:[* TO *] \\'], 1)[0]] == [2]


def test_equal_scores_go_by_number(tmp_path):
    write_lexical(tmp_path, ["same words"] * 5)
    assert [n for n, _ in LexicalIndex(tmp_path).search(["words"], 5)[0]] == [0, 1, 2, 3, 4]


def test_a_read_only_folder_can_be_searched(tmp_path, monkeypatch):
    write_lexical(tmp_path, TEXTS)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    monkeypatch.setattr(os, "access", lambda *_: False)
    index = LexicalIndex(tmp_path)
    assert [n for n, _ in index.search(["json.loads"], 3)[0]] == [1]
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def test_lengths_above_forty_words_are_rounded_down(tmp_path):
    texts = [" ".join(["word"] + ["pad"] * (length - 1)) for length in (40, 41, 42, 10, 1000)]
    write_lexical(tmp_path, texts)
    found = dict(LexicalIndex(tmp_path).search(["word"], 5)[0])
    assert found[1] == found[0]
    assert found[2] < found[0] < found[3]
    exact = bm25("word", texts)
    assert found == pytest.approx(exact, rel=0.1)
