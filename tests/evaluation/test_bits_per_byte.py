"""Bits per byte against the definition by hand."""

import math

import pytest
import torch

from acclimate.evaluation.bits_per_byte import PIECE_CHARS, bits_per_byte


def test_bits_per_byte_is_the_definition(tiny):
    text = "the answer is in the passage"
    ids = [tiny.tokenizer.eos_token_id, *tiny.tokenizer(" " + text)["input_ids"]]
    logprobs = tiny.network(input_ids=torch.tensor([ids])).logits[0].log_softmax(-1)
    nats = -sum(float(logprobs[i, t]) for i, t in enumerate(ids[1:]))
    assert bits_per_byte(tiny, [text]) == pytest.approx(nats / math.log(2) / len(text), rel=1e-4)


def test_long_texts_are_weighed_in_pieces_that_lose_no_word(tiny):
    from acclimate.evaluation.bits_per_byte import _pieces

    text = " ".join(f"word{i}" for i in range(300))
    pieces = list(_pieces(text, PIECE_CHARS))
    assert " ".join(pieces) == text
    assert max(map(len, pieces)) <= PIECE_CHARS + 10


def test_a_word_longer_than_a_piece_is_cut():
    from acclimate.evaluation.bits_per_byte import _pieces

    assert list(_pieces("ab " + "c" * 7 + " d", 3)) == ["ab", "ccc", "ccc", "c d"]
