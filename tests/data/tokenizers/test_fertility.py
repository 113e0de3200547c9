"""Tokens a word and bytes a token, against counts by hand."""

import pytest

from acclimate.core.errors import DataError
from acclimate.data.tokenizers.fertility import fertility
from acclimate.data.tokenizers.settings import TokenizerSettings
from acclimate.data.tokenizers.train import train_tokenizer


@pytest.fixture(scope="module")
def bytes_alone():
    """Byte-level BPE without a merge: a token is a byte."""
    return train_tokenizer(["a"], TokenizerSettings(vocab_size=260))


def test_bytes_are_counted(bytes_alone):
    # Words: hello, wörld; naïve, ☃, x. Bytes: 5 + 1 + 6, and 6 + 1 + 3 + 2 + 1.
    found = fertility(bytes_alone, ["hello wörld", "naïve ☃\n\nx"])
    assert (found.num_texts, found.num_words, found.num_bytes) == (2, 5, 12 + 13)
    assert found.num_tokens == 25
    assert found.tokens_per_word == pytest.approx(25 / 5)
    assert found.bytes_per_token == 1
    assert (found.changed_share, found.unknown_share) == (0, 0)


def test_merges_are_counted():
    # Merged: ab, cd, abcd. "abcd" is one token, "xab" two, the space before a word one.
    tokenizer = train_tokenizer(
        ["abcd"] * 3 + ["ab"] * 3 + ["cd"], TokenizerSettings(vocab_size=263)
    )
    found = fertility(tokenizer, ["abcd xab abcd"])
    assert found.num_tokens == 1 + (1 + 2) + (1 + 1)
    assert found.tokens_per_word == pytest.approx(6 / 3)
    assert found.bytes_per_token == pytest.approx(13 / 6)


def test_what_does_not_come_back_is_counted():
    tokenizer = train_tokenizer(["abc d"], TokenizerSettings(kind="characters"))
    # Beyond a, b, c, d, the space and a chat's letters: X and Y are unknown.
    found = fertility(tokenizer, ["abc d", "XaYb", "a", "cXd"])
    assert (found.num_changed, found.num_unknown) == (2, 3)
    assert found.changed_share == pytest.approx(2 / 4)
    assert found.num_tokens == 5 + 4 + 1 + 3
    assert found.unknown_share == pytest.approx(3 / 13)


def test_tokens_around_a_text_do_not_count(trained):
    tokenizer = trained("wordpiece")
    found = fertility(tokenizer, ["the", "dog"])
    assert found.num_tokens == len(tokenizer("the dog")["input_ids"]) - 2


def test_many_texts_are_read_one_by_one(bytes_alone):
    read = []

    def texts():
        for i in range(200):
            read.append(i)
            yield "ab c"

    found = fertility(bytes_alone, texts())
    assert len(read) == found.num_texts == 200
    assert (found.num_words, found.num_tokens) == (400, 800)


def test_shares_are_written_out(bytes_alone):
    written = fertility(bytes_alone, ["ab c"]).model_dump()
    assert written["tokens_per_word"] == 2
    assert written["bytes_per_token"] == 1


@pytest.mark.parametrize("texts", [[], ["", " \n"]])
def test_no_word_is_refused(bytes_alone, texts):
    with pytest.raises(DataError, match="no text to count tokens of"):
        fertility(bytes_alone, texts)
