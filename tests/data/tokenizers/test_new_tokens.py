"""New tokens: text comes back exactly, words take fewer tokens and no other word takes more."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acclimate.core.errors import NotApplicableError
from acclimate.data.tokenizers.fertility import fertility
from acclimate.data.tokenizers.new_tokens import known_words, with_words

WORDS = ["hydroxychloroquine", "C6H12O6", "10.1056/NEJMoa2034577", "β-lactamase", "naïve"]
TEXT = "The hydroxychloroquine (C6H12O6), see 10.1056/NEJMoa2034577; naïve β-lactamase\nnaïve."


def said(tokenizer, text):
    return tokenizer.convert_ids_to_tokens(tokenizer(text)["input_ids"])


@pytest.fixture(scope="module")
def larger(tokenizer):
    return with_words(tokenizer, WORDS)


def test_text_comes_back_and_fertility_falls(tokenizer, larger):
    after, _ = larger
    assert after.decode(after(TEXT)["input_ids"]) == TEXT
    before, now = fertility(tokenizer, [TEXT]), fertility(after, [TEXT])
    assert now.num_changed == 0
    assert now.tokens_per_word < before.tokens_per_word / 2
    assert len(tokenizer) == 290


def test_with_and_without_the_space_before(larger):
    after, _ = larger
    assert said(after, "see C6H12O6")[-1] == " C6H12O6"
    assert said(after, "(C6H12O6)")[1] == "C6H12O6"
    # No part of another word is taken for it.
    assert "C6H12O6" not in said(after, "xC6H12O6")


def test_pieces_are_what_stood_there_before(tokenizer, larger):
    after, pieces = larger
    for token, parts in pieces.items():
        assert tokenizer.decode(parts) == after.decode([token])
        assert token >= 290


def test_forms_that_would_not_come_back_are_left_out(larger):
    """A byte-level decoder reads the letters of Latin-1 as bytes, but for a token with a space."""
    after, pieces = larger
    forms = {after.convert_ids_to_tokens(i) for i in pieces}
    assert " naïve" in forms
    assert "naïve" not in forms


@settings(max_examples=60, deadline=None)
@given(parts=st.lists(st.sampled_from([*WORDS, " ", "(", ")", ".", "\n", "is", "ß", "s"])))
def test_any_mixture_comes_back(larger, parts):
    after, _ = larger
    text = "".join(parts)
    assert after.decode(after(text)["input_ids"]) == text


def test_a_word_that_would_make_longer_ones_dearer_has_no_token_with_a_space(tokenizer):
    plain, _ = with_words(tokenizer, ["Que"], known=["Question", "Quite"])
    assert said(plain, "a Question") == said(tokenizer, "a Question")
    spaced, _ = with_words(tokenizer, ["Que"])
    assert len(said(spaced, "a Question")) > len(said(tokenizer, "a Question"))


def test_saved_and_loaded_it_is_the_same(larger, tmp_path):
    import transformers

    after, _ = larger
    after.save_pretrained(tmp_path)
    again = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert again(TEXT)["input_ids"] == after(TEXT)["input_ids"]


def test_what_is_known(tokenizer):
    assert known_words(tokenizer, ["answer", "hydroxychloroquine", "<|end|>"]) == [
        "answer",
        "<|end|>",
    ]


@pytest.mark.parametrize("kind", ["byte_bpe", "unigram"])
def test_own_tokenizers_of_either_kind(trained, kind):
    after, pieces = with_words(trained(kind), WORDS[:2])
    assert len(pieces) == 4
    text = "the (C6H12O6) and hydroxychloroquine, hydroxychloroquine"
    assert after.decode(after(text)["input_ids"]) == text


def test_a_tokenizer_that_puts_spaces_after_added_tokens_is_refused():
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    letters = [("<unk>", 0.0), *((letter, -3.0) for letter in "▁abcdefghijklmnopqrstuvwxyz(),.")]
    spacing = Tokenizer(models.Unigram(letters, unk_id=0))
    spacing.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    spacing.decoder = decoders.Metaspace(prepend_scheme="always")
    old = transformers.PreTrainedTokenizerFast(tokenizer_object=spacing, unk_token="<unk>")
    with pytest.raises(NotApplicableError, match=r"does not give text back .* byte-level"):
        with_words(old, ["abcd"])
