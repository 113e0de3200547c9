"""Bits per byte against the definition by hand."""

import math

import pytest
import torch

from acclimate.core.data import Control, Item, Task
from acclimate.methods.prompting.few_shot import FewShot
from acclimate.study.control import PIECE_CHARS, bits_per_byte, control_score


def test_bits_per_byte_is_the_definition(tiny):
    text = "the answer is in the passage"
    ids = [tiny.tokenizer.eos_token_id, *tiny.tokenizer(" " + text)["input_ids"]]
    logprobs = tiny.network(input_ids=torch.tensor([ids])).logits[0].log_softmax(-1)
    nats = -sum(float(logprobs[i, t]) for i, t in enumerate(ids[1:]))
    assert bits_per_byte(tiny, [text]) == pytest.approx(nats / math.log(2) / len(text), rel=1e-4)


def test_long_texts_are_weighed_in_pieces_that_lose_no_word(tiny):
    from acclimate.study.control import _pieces

    text = " ".join(f"word{i}" for i in range(300))
    pieces = list(_pieces(text))
    assert " ".join(pieces) == text
    assert max(map(len, pieces)) <= PIECE_CHARS + 10


def test_examples_are_not_shown_on_the_control_set(tiny, small_data):
    items = tuple(Item(id=str(i), question="?", target="a", choices=("a", "b")) for i in range(3))
    control = Control(
        texts=("the sea",), task=Task(name="colour", metrics=("choice_accuracy",), items=items)
    )
    shown = FewShot().fit(tiny, small_data, seed=0)
    assert control_score(shown, control) == control_score(tiny, control)
