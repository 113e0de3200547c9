"""The loss equals a plain cross-entropy over answer tokens, head selected or not."""

import pytest
import torch
from torch.nn import functional

from acclimate.models.local.huggingface import HuggingFace
from acclimate.training.batches import IGNORED, Example, causal_batches, seq2seq_batches
from acclimate.training.losses import next_token_loss

EXAMPLES = [Example([3, 4, 5], [6, 7]), Example([8, 9], [10, 11, 12])]


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
