"""The output layer at chosen positions says what it says at all of them."""

import pytest
import torch

from acclimate.models.local.huggingface import HuggingFace
from acclimate.nn.output_head import hidden_and_logits

IDS = torch.tensor([[5, 9, 77, 300], [8, 2, 41, 7]])
CHOSEN = torch.tensor([[False, True, False, True], [True, False, False, False]])


@pytest.mark.parametrize("family", ["llama", "gemma2", "gpt2", "t5"])
def test_equals_the_whole_pass_at_those_positions(family, model_folder):
    network = HuggingFace(path=str(model_folder(family))).load().network
    inputs = {"input_ids": IDS, "use_cache": False}
    if family == "t5":
        inputs["decoder_input_ids"] = IDS
    with torch.no_grad():
        hidden, logits = hidden_and_logits(network, inputs, CHOSEN)
        whole = network(**inputs, output_hidden_states=True)
    assert torch.allclose(logits, whole.logits[CHOSEN], atol=1e-5)
    states = whole.decoder_hidden_states if family == "t5" else whole.hidden_states
    # T5 scales its states before the output layer where both tables are one.
    scale = network.config.d_model**-0.5 if family == "t5" and _is_tied(network) else 1.0
    assert torch.allclose(hidden, scale * states[-1][CHOSEN], atol=1e-5)
    # Gemma caps its logits after the layer: what is read is not capped.
    assert hidden.shape == (3, 32)


def _is_tied(network):
    return network.get_output_embeddings().weight is network.get_input_embeddings().weight


def test_the_layer_is_as_it_was(tiny):
    head = tiny.network.get_output_embeddings()
    hidden_and_logits(tiny.network, {"input_ids": IDS}, CHOSEN)
    assert "forward" not in vars(head)
