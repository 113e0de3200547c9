"""Words as numbers, against plain Python."""

import pytest

from acclimate.data.corpus.filters import word_counts as module
from acclimate.data.corpus.filters.word_counts import WordReader

TEXT = "The cat, and the CAT... saw 12 “of” them; be-have! the naïve 3rd"


def test_lengths_letters_and_stop_words():
    words = WordReader().read(TEXT)
    assert words.lengths.tolist() == [len(word) for word in TEXT.split()]
    assert words.num_alphabetic == len(TEXT.split()) - 1
    assert words.num_stop_words == 3


def test_case_and_outer_marks_make_no_difference():
    one, other = (WordReader().read(t) for t in ("The cat, (sat)", "the CAT sat..."))
    assert one.hashes.tolist() == other.hashes.tolist()
    marks = WordReader().read("... !!! ...").hashes.tolist()
    assert marks[0] == marks[2] != marks[1]


def test_grams_are_equal_where_the_words_are():
    text = "a b c d a b c e a b x"
    words, said = WordReader().read(text), text.split()
    for n in (1, 2, 3, 5):
        grams = words.grams(n).tolist()
        plain = [tuple(said[i : i + n]) for i in range(len(said) - n + 1)]
        assert len(set(grams)) == len(set(plain))
        assert len(set(zip(grams, plain, strict=True))) == len(set(plain))
    assert len(words.grams(12)) == 0
    assert words.grams(2)[0] != WordReader().read("b a").grams(2)[0]


@pytest.mark.parametrize("text", ["", " \n "])
def test_no_word_at_all(text):
    words = WordReader().read(text)
    assert (len(words.hashes), words.num_alphabetic, words.num_stop_words) == (0, 0, 0)
    assert len(words.grams(1)) == 0


def test_forgetting_words_changes_nothing(monkeypatch):
    monkeypatch.setattr(module, "_MAX_KNOWN", 3)
    reader = WordReader()
    first = reader.read(TEXT)
    assert reader.read(TEXT).hashes.tolist() == first.hashes.tolist()
