"""The loss equals a plain cross-entropy over answer tokens, head selected or not."""

import pytest
import torch
from torch.nn import functional

from acclimate.models.local.huggingface import HuggingFace
from acclimate.training import losses
from acclimate.training.losses import next_token_loss
from acclimate.training.packing import IGNORED, TokenizedExample, causal_batches, seq2seq_batches
from small_training import small_network

EXAMPLES = [TokenizedExample([3, 4, 5], [6, 7]), TokenizedExample([8, 9], [10, 11, 12])]


@pytest.mark.parametrize("family", ["llama", "gemma2", "gpt2"])
def test_equals_cross_entropy_of_full_logits(family, model_folder):
    network = HuggingFace(path=str(model_folder(family))).load().network
    (batch,) = causal_batches(EXAMPLES, max_tokens=1000, dtype=torch.float32)
    logits = network(**batch.inputs).logits
    expected = functional.cross_entropy(
        logits.flatten(0, 1), batch.labels.flatten(), ignore_index=IGNORED, reduction="sum"
    )
    assert float(next_token_loss(network, batch)) == pytest.approx(float(expected), rel=1e-5)


def test_encoder_decoder_equals_its_own_loss(model_folder):
    network = HuggingFace(path=str(model_folder("t5"))).load().network
    (batch,) = seq2seq_batches(EXAMPLES, max_tokens=1000)
    mean = float(network(**batch.inputs, labels=batch.labels).loss)
    found = float(next_token_loss(network, batch))
    assert found == pytest.approx(mean * batch.num_targets, rel=1e-5)


def test_the_head_is_as_before_afterwards(tiny):
    (batch,) = causal_batches(EXAMPLES, max_tokens=1000, dtype=torch.float32)
    next_token_loss(tiny.network, batch)
    assert not tiny.network.get_output_embeddings()._forward_pre_hooks


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("family", ["llama", "gemma2"])
def test_smoothed_equals_cross_entropy_sliced_or_not(family, smoothing, model_folder):
    network = HuggingFace(path=str(model_folder(family))).load().network
    (batch,) = causal_batches(EXAMPLES, max_tokens=1000, dtype=torch.float32)
    expected = functional.cross_entropy(
        network(**batch.inputs).logits.flatten(0, 1),
        batch.labels.flatten(),
        ignore_index=IGNORED,
        reduction="sum",
        label_smoothing=smoothing,
    )
    found = next_token_loss(network, batch, label_smoothing=smoothing)
    assert float(found) == pytest.approx(float(expected), rel=1e-5)


def test_the_first_batch_draws_no_more_than_any_other():
    """Whether the output layer comes last is found out without dropout and without a draw."""
    (batch,) = causal_batches(EXAMPLES, max_tokens=1000, dtype=torch.float32)
    network = small_network(dropout=0.5).train()
    found = []
    for _ in range(2):
        torch.manual_seed(3)
        found.append(float(next_token_loss(network, batch).detach()))
    assert found[0] == found[1]
    assert losses._is_last[network.get_output_embeddings()]
    assert all(module.training for module in network.modules())


def test_a_compiled_network_is_not_handed_another_layer_each_time():
    (batch,) = causal_batches(EXAMPLES, max_tokens=1000, dtype=torch.float32)
    network = small_network()
    expected = float(next_token_loss(network, batch).detach())
    compiled = []
    network._compiled_call_impl = lambda **inputs: (
        compiled.append("forward" in vars(network.get_output_embeddings()))
        or network.forward(**inputs)
    )
    assert float(next_token_loss(network, batch).detach()) == pytest.approx(expected, rel=1e-5)
    assert compiled == [False]


def test_a_batch_that_teaches_nothing_costs_nothing():
    (batch,) = causal_batches(EXAMPLES, max_tokens=1000, dtype=torch.float32)
    network = small_network()
    loss = next_token_loss(network, batch.idle())
    loss.backward()
    assert float(loss.detach()) == 0
    assert all(p.grad is None or not p.grad.any() for p in network.parameters())
