"""AdamW decays matrices and leaves vectors and frozen weights alone."""

import torch

from acclimate.training.optimizers import adamw


def test_decay_is_on_matrices_that_are_trained():
    layer = torch.nn.Linear(2, 2)
    norm = torch.nn.LayerNorm(2).requires_grad_(False)
    optimizer = adamw(torch.nn.Sequential(layer, norm), 0.1, 0.5)
    decays = {id(p): g["weight_decay"] for g in optimizer.param_groups for p in g["params"]}
    assert decays == {id(layer.weight): 0.5, id(layer.bias): 0.0}


def test_one_step_is_adamws_equation():
    weight = torch.nn.Parameter(torch.tensor([[2.0]]))
    module = torch.nn.Module()
    module.weight = weight
    optimizer = adamw(module, 0.1, 0.5)
    weight.grad = torch.tensor([[3.0]])
    optimizer.step()
    # Decay 2 (1 - 0.1 0.5), then minus 0.1 g / |g|: both moments are bias-corrected.
    assert abs(weight.item() - (2.0 * 0.95 - 0.1)) < 1e-6
