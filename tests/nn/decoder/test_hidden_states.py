"""The lean pass is the network's own, forward and backward, and knows where it is not."""

import copy

import pytest
import torch
import transformers

from acclimate.nn.decoder import hidden_states as lean_llama
from acclimate.nn.fast_linear import use_fast_linears

IDS = torch.arange(3, 3 + 2 * 40).reshape(2, 40)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=100,
        hidden_size=32,
        intermediate_size=96,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=4,
        rope_parameters={"rope_type": "default", "rope_theta": 500.0},
        rms_norm_eps=1e-3,
    )
    made = transformers.LlamaForCausalLM(config)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return use_fast_linears(made)


def test_values_and_gradients(network):
    seen = []
    for way in (
        lambda n: n.model(input_ids=IDS, use_cache=False).last_hidden_state,
        lambda n: lean_llama.hidden_states(n, IDS),
    ):
        own = copy.deepcopy(network)
        out = way(own)
        out.sin().sum().backward()
        seen.append([out, *[p.grad for p in own.model.parameters()]])
    assert len(seen[0]) == len(seen[1])
    for expected, found in zip(*seen, strict=True):
        assert torch.allclose(found, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("attention_dropout", 0.1),
        ("hidden_act", "gelu"),
        ("num_key_value_heads", 2),
        ("rope_parameters", {"rope_type": "linear", "factor": 2.0, "rope_theta": 500.0}),
    ],
)
def test_other_networks_are_left_to_themselves(network, field, value):
    assert lean_llama.can_run_training(network, {"input_ids": IDS})
    assert not lean_llama.can_run_training(network, {"input_ids": IDS, "attention_mask": IDS})
    other = copy.deepcopy(network)
    setattr(other.config, field, value)
    assert not lean_llama.can_run_training(other, {"input_ids": IDS})


def test_layers_with_an_adapter_are_left_to_themselves(network):
    other = copy.deepcopy(network)
    other.model.layers[0].mlp.up_proj = torch.nn.Linear(32, 96, bias=False)
    assert not lean_llama.can_run_training(other, {"input_ids": IDS})
    other.gradient_checkpointing_enable()
    assert not lean_llama.can_run_training(other, {"input_ids": IDS})
