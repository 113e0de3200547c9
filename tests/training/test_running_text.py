"""Texts laid end to end and cut: every token is predicted once."""

import copy

import pytest

from acclimate.training.text_windows import windows

TEXTS = ["The answer is in the passage.", "So it is."]


@pytest.mark.parametrize("num_tokens", [2, 3, 7, 1000])
def test_each_token_after_the_first_is_predicted_once(tokenizer, num_tokens):
    found = [list(e.answer) for e in windows(TEXTS, tokenizer, num_tokens)]
    whole = tokenizer("<|end|>" + "".join(f"{t}<|end|>" for t in TEXTS))["input_ids"]
    assert found[0][:1] + [t for ids in found for t in ids[1:]] == whole
    assert all(len(ids) == num_tokens for ids in found[:-1])
    assert 1 < len(found[-1]) <= num_tokens


def test_a_start_token_begins_each_text(tokenizer):
    own = copy.deepcopy(tokenizer)
    own.bos_token = "<|pad|>"
    (found,) = windows(TEXTS, own, 1000)
    assert own.decode(found.answer) == "".join(f"<|pad|>{t}<|end|>" for t in TEXTS)


def test_no_text_no_window(tokenizer):
    assert list(windows([], tokenizer, 8)) == []
