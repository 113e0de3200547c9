"""Rows in equal parts through adapters of their own, against the product by hand."""

import copy

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model

from acclimate.nn.adapters.multi_lora import multi_lora_network, updates_of


@pytest.fixture
def networks(tiny):
    """A base, and it with updates of two ranks, the second on one kind of layer alone."""
    base = tiny.network
    found = [base]
    for seed, (rank, alpha, layers) in enumerate(
        ((2, 6.0, ["q_proj", "v_proj"]), (4, 2.0, ["q_proj"]))
    ):
        shared = {id(x): x for x in [*base.parameters(), *base.buffers()]}
        config = LoraConfig(r=rank, lora_alpha=alpha, target_modules=layers)
        network = get_peft_model(copy.deepcopy(base, shared), config).get_base_model()
        torch.manual_seed(seed)
        for name, weight in network.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(weight)
        found.append(network.eval().requires_grad_(requires_grad=False))
    return found


def together(networks):
    base = networks[0]
    shared = {id(x): x for x in [*base.parameters(), *base.buffers()]}
    found = [updates_of(network, base) for network in networks]
    return multi_lora_network(networks, found, lambda: copy.deepcopy(base, shared))


def test_each_part_gets_its_own_update(networks):
    base, *adapted = networks
    x = torch.randn(6, 5, 32)  # three parts of two rows
    plain = base.model.layers[0].self_attn.q_proj.weight.numpy()
    wanted = [x[:2].numpy() @ plain.T]
    for part, (network, scale) in zip(
        (x[2:4], x[4:]), zip(adapted, (3.0, 0.5), strict=True), strict=True
    ):
        layer = network.model.layers[0].self_attn.q_proj
        down, up = (layer.lora_A["default"].weight.numpy(), layer.lora_B["default"].weight.numpy())
        wanted.append(part.numpy() @ (plain + scale * up @ down).T)
    layer = together(networks).model.layers[0].self_attn.q_proj
    with torch.inference_mode():
        assert np.allclose(layer(x).numpy(), np.concatenate(wanted), atol=1e-4)
        # Tokens of all rows in one dimension come to the same.
        assert torch.equal(layer(x.flatten(0, 1)), layer(x).flatten(0, 1))


def test_layers_that_nobody_adapts_stay_and_weights_are_shared(networks):
    whole = together(networks)
    base = networks[0]
    assert type(whole.model.layers[0].mlp.up_proj) is type(base.model.layers[0].mlp.up_proj)
    assert whole.lm_head.weight is base.lm_head.weight
    assert together(networks) is whole
    assert together(networks[::2]) is not whole


def test_what_is_not_a_low_rank_update_of_the_base_is_told(networks, tiny):
    base, one, _ = networks
    assert sorted(updates_of(one, base))[0] == "model.layers.0.self_attn.q_proj"
    assert updates_of(base, base) == {}
    own = copy.deepcopy(one)
    assert updates_of(own, base) is None  # its weights are not the base's
