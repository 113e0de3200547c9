"""Blocks are found in every family, in the order data meets them."""

import pytest
import torch

from acclimate.core.errors import NotApplicableError
from acclimate.models.local.huggingface import HuggingFace
from acclimate.nn.blocks import blocks, stacks, sublayers


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


@pytest.mark.parametrize(
    ("family", "kinds"),
    [
        ("llama", "LlamaAttention LlamaMLP"),
        ("qwen3", "Qwen3Attention Qwen3MLP"),
        ("mistral", "MistralAttention MistralMLP"),
        ("gemma2", "Gemma2Attention Gemma2MLP"),
        ("gpt2", "GPT2Attention GPT2MLP"),
        ("t5", "T5Attention T5Attention T5DenseActDense"),
    ],
)
def test_layers_of_a_block(family, kinds, model_folder):
    network = HuggingFace(path=str(model_folder(family))).load().network
    attentions, feed_forward = sublayers(blocks(network)[-1])
    assert [type(part).__name__ for part in (*attentions, feed_forward)] == kinds.split()


def test_blocks_of_something_else_are_said():
    with pytest.raises(NotApplicableError, match="it has Linear, Linear"):
        sublayers(torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)))
