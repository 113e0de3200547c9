"""New tokens begin as others are, and what was there stays."""

import pytest
import torch

from acclimate.models.local.huggingface import HuggingFace
from acclimate.nn.adapters.embedding_rows import add_rows


@pytest.fixture
def network(model_folder):
    return HuggingFace(path=str(model_folder("llama"))).load().network


def test_rows_that_are_to_spare_are_used(network):
    before = network.get_input_embeddings().weight.clone()
    add_rows(network, [398, 399], 400, like=7)
    after = network.get_input_embeddings().weight
    assert torch.equal(after[:398], before[:398])
    assert torch.allclose(after[398], before[:398].mean(0))
    assert torch.equal(after[399], before[7])


def test_more_tokens_more_rows(network):
    add_rows(network, [400, 401], 402, like=None)
    table, head = network.get_input_embeddings().weight, network.get_output_embeddings().weight
    assert len(table) == len(head) == network.config.vocab_size == 402
    assert torch.equal(table[400], table[401])
    assert torch.allclose(head[401], head[:400].mean(0))


def test_a_bias_of_the_output_layer_grows_too(network):
    head = network.get_output_embeddings()
    head.bias = torch.nn.Parameter(torch.arange(400.0))
    add_rows(network, [400], 401, like=3)
    assert network.get_output_embeddings().bias[[3, 400]].tolist() == [3.0, 3.0]


def test_nothing_new_changes_nothing(network):
    before = network.get_input_embeddings().weight.clone()
    add_rows(network, [], 290, like=0)
    assert torch.equal(network.get_input_embeddings().weight, before)
