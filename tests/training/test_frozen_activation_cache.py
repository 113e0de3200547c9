"""Frozen lower blocks are computed once an example, and nothing else changes."""

import copy

import pytest
import torch

from acclimate.models.local.huggingface import HuggingFace
from acclimate.nn.adapters.bottleneck import BottleneckForm
from acclimate.nn.adapters.bottleneck_adapter import BottleneckAdapter
from acclimate.nn.blocks import blocks
from acclimate.training.arguments import TrainingArguments
from acclimate.training.batch_source import ExampleSource
from acclimate.training.frozen_activation_cache import (
    num_frozen_blocks,
    with_frozen_activation_cache,
)
from acclimate.training.losses import next_token_loss
from acclimate.training.packing import TokenizedExample, causal_batches
from acclimate.training.run import Run
from acclimate.training.trainer import train

EXAMPLES = [TokenizedExample([10 + i, 20 + i], [30 + i, 40 + i, 0]) for i in range(12)]
DEV = [TokenizedExample([60 + i, 20 + i, 7], [30 + i, 0]) for i in range(4)]


def half_frozen(family, model_folder):
    network = HuggingFace(path=str(model_folder(family))).load().network
    for dropout in network.modules():
        if isinstance(dropout, torch.nn.Dropout):
            dropout.p = 0.0
    blocks(network)[1].requires_grad_(True)
    return network


@pytest.mark.parametrize("family", ["llama", "gpt2", "gemma2", "qwen3"])
def test_training_is_the_same(family, model_folder):
    kept = half_frozen(family, model_folder)
    plain = copy.deepcopy(kept)
    loss = with_frozen_activation_cache(kept, next_token_loss, 100)
    assert loss is not next_token_loss
    plan = TrainingArguments(num_steps=9, learning_rate=1e-2, eval_every_steps=3)
    logs = []
    for network, its_loss in ((kept, loss), (plain, next_token_loss)):
        source = ExampleSource.of(network, EXAMPLES, DEV, batch_size=4, seed=0)
        logs.append(train(network, Run(source, plan, 0, loss=its_loss)))
    assert logs[0].train_losses == pytest.approx(logs[1].train_losses, abs=1e-5)
    assert logs[0].dev_losses == pytest.approx(logs[1].dev_losses, abs=1e-5)
    ids = torch.tensor([[10, 20, 30, 40]])
    assert torch.allclose(kept(input_ids=ids).logits, plain(input_ids=ids).logits, atol=1e-4)


def test_a_frozen_block_sees_each_example_once(model_folder):
    network = half_frozen("llama", model_folder)
    loss = with_frozen_activation_cache(network, next_token_loss, 100)
    seen = []
    blocks(network)[0].mlp.register_forward_pre_hook(lambda *_: seen.append(1))
    # The first batch that an output layer meets is run once more, to learn how it works.
    next_token_loss(network, next(causal_batches(DEV, max_tokens=99, dtype=torch.float32)))
    seen.clear()
    for _ in range(3):
        (batch,) = causal_batches(EXAMPLES, max_tokens=999, dtype=torch.float32)
        loss(network, batch)
    (other,) = causal_batches(EXAMPLES[::-2], max_tokens=999, dtype=torch.float32)
    loss(network, other)
    assert len(seen) == 1


def test_nothing_is_kept_where_it_cannot_be(model_folder, tiny):
    t5 = HuggingFace(path=str(model_folder("t5"))).load().network
    assert with_frozen_activation_cache(t5, next_token_loss, 100) is next_token_loss
    # All frozen, all learning, embeddings learning, dropout, no room.
    assert with_frozen_activation_cache(tiny.network, next_token_loss, 100) is next_token_loss
    network = half_frozen("llama", model_folder)
    assert num_frozen_blocks(network) == 1
    assert with_frozen_activation_cache(network, next_token_loss, 10**15) is next_token_loss
    network.get_input_embeddings().weight.requires_grad_(True)
    assert num_frozen_blocks(network) == 0
    gpt2 = half_frozen("gpt2", model_folder)
    gpt2.transformer.drop.p = 0.1
    assert with_frozen_activation_cache(gpt2, next_token_loss, 100) is next_token_loss


def test_nothing_is_kept_where_a_frozen_block_drops_units_without_a_layer_for_it(model_folder):
    network = half_frozen("llama", model_folder)
    assert with_frozen_activation_cache(network, next_token_loss, 100) is not next_token_loss
    form = BottleneckForm(dropout=0.1)
    dropping = BottleneckAdapter.new(copy.deepcopy(network), form).network
    for weight in dropping.model.layers[0].mlp.bottlenecks.parameters():
        weight.requires_grad_(False)
    assert num_frozen_blocks(dropping) == 1
    assert with_frozen_activation_cache(dropping, next_token_loss, 100) is next_token_loss
    network.model.layers[0].self_attn.attention_dropout = 0.1
    assert with_frozen_activation_cache(network, next_token_loss, 100) is next_token_loss
