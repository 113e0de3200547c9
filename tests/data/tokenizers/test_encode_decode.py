"""Byte-level BPE and Unigram give back every Unicode string, whatever it looks like."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from acclimate.data.tokenizers.settings import TokenizerSettings
from acclimate.data.tokenizers.train import train_tokenizer

AWKWARD = (
    *("▁", "Ġ", "Â", "##", " ", "  ", "\t", "\n", "\r\n", "\x00", "\x85", "\u00a0", "\u2028"),
    *("\ufeff", "\u200d", "e\u0301", "한", "ﬁ", "🏳️‍🌈", "\U0010ffff"),
    *("<", "<0x41>", "<0xC3>", "<0xab>", "<0x+1>", "<0x", "41>", "<unk>", "<|", "<extra_id_0>"),
    *("the", " the", "don't"),
)
"""What the tokenizers write in their own files, white space of all kinds, and composed letters."""
TEXT = st.one_of(
    st.text(),
    st.lists(st.one_of(st.sampled_from(AWKWARD), st.characters(exclude_categories=["Cs"]))).map(
        "".join
    ),
)
"""Any text; half of a surrogate pair is none (it has no UTF-8)."""
EXACT = ["byte_bpe", "unigram"]


def back(tokenizer, text, **options):
    return tokenizer.decode(tokenizer(text, verbose=False, **options)["input_ids"])


@pytest.mark.parametrize("kind", EXACT)
@settings(max_examples=300, deadline=None)
@given(text=TEXT)
@example("")
@example(" leading and trailing ")
@example("\n\n  \n")
@example("<0x41><0x42>")
@example("a ▁ b▁c")
def test_every_text_comes_back(trained, kind, text):
    assert back(trained(kind), text) == text


@pytest.mark.parametrize("kind", EXACT)
@settings(max_examples=150, deadline=None)
@given(text=TEXT, name=st.sampled_from(["<|endoftext|>", "<|pad|>", "<|im_end|>", "<unk>"]))
def test_so_do_names_of_special_tokens_taken_as_text(trained, kind, text, name):
    """Taken as tokens, which is the default, they come back as well, unless they are skipped."""
    tokenizer = trained(kind)
    whole = text + name + text
    ids = tokenizer(whole, split_special_tokens=True, verbose=False)["input_ids"]
    assert not set(ids) & set(tokenizer.all_special_ids)
    assert tokenizer.decode(ids, skip_special_tokens=True) == whole
    assert back(tokenizer, whole) == whole


@pytest.mark.parametrize("kind", EXACT)
def test_characters_of_every_block_come_back(trained, kind):
    chars = [chr(i) for i in range(0, 0x110000, 89) if not 0xD800 <= i < 0xE000]
    chars += [chr(i) for i in range(0x300)]
    encoded = trained(kind)(chars, verbose=False)["input_ids"]
    assert trained(kind).batch_decode(encoded) == chars


@pytest.mark.parametrize("kind", EXACT)
def test_a_long_word_comes_back(trained, kind):
    text = "ab" * 50_000 + "☃" * 1000
    assert back(trained(kind), text) == text


def test_unigram_does_not_write_all_in_bytes(trained):
    tokens = trained("unigram").tokenize("the reader ☃")
    assert tokens[-4:] == [" ", "<0xE2>", "<0x98>", "<0x83>"]  # U+2603 in UTF-8
    assert not any(token.startswith("<0x") for token in tokens[:-3])


def test_unigram_learns_no_piece_that_looks_like_a_byte():
    """The decoder would read it as one: hexadecimal digits of either case, even a sign."""
    texts = [f"{b} x{b} y{b}, {b}." for b in ("<0xab>", "<0xAB>", "<0x+1>", "<0x12>") * 9]
    tokenizer = train_tokenizer(texts, TokenizerSettings(kind="unigram"))
    assert [back(tokenizer, text) for text in texts] == texts
    assert "0xab>" in "".join(tokenizer.get_vocab())  # the rest of the name is learnt


@pytest.mark.parametrize("kind", ["wordpiece", "characters"])
def test_the_others_do_not(trained, kind):
    text = "The Café ☃"
    assert back(trained(kind), text, add_special_tokens=False) != text


@settings(max_examples=200, deadline=None)
@given(text=st.text(alphabet="The quick brown fox\n"))
def test_characters_give_back_what_they_have_seen(trained, text):
    assert back(trained("characters"), text) == text
