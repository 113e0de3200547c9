"""Blocks are found in every family, in the order data meets them."""

import pytest
import torch

from acclimate.core.errors import NotApplicableError
from acclimate.models.local.huggingface import HuggingFace
from acclimate.nn.blocks import blocks, stacks


@pytest.mark.parametrize(
    ("family", "where"),
    [
        ("llama", ["model.layers"]),
        ("qwen3", ["model.layers"]),
        ("mistral", ["model.layers"]),
        ("gemma2", ["model.layers"]),
        ("gpt2", ["transformer.h"]),
        ("t5", ["encoder.block", "decoder.block"]),
    ],
)
def test_every_family(family, where, model_folder):
    network = HuggingFace(path=str(model_folder(family))).load().network
    own = [network.get_submodule(name) for name in where]
    assert all(a is b for a, b in zip(stacks(network), own, strict=True))
    assert [id(b) for b in blocks(network)] == [id(b) for stack in own for b in stack]


def test_none_are_said():
    with pytest.raises(NotApplicableError, match="Linear has no blocks"):
        stacks(torch.nn.Linear(1, 1))
