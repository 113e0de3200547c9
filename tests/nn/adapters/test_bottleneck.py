"""The adapter is the papers' formula, changes nothing at first, and has a width at all."""

import math

import numpy as np
import pytest
import torch

from acclimate.core.errors import ConfigError
from acclimate.nn.adapters.bottleneck import BottleneckForm, BottleneckModule

ACTIVATIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "gelu": lambda x: x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2,
    "silu": lambda x: x / (1 + np.exp(-x)),
}


def random(form, layer_width=12):
    torch.manual_seed(0)
    adapter = BottleneckModule(layer_width, form)
    for weight in adapter.parameters():
        if weight.ndim:
            torch.nn.init.normal_(weight, std=0.3)
    read, said = torch.randn(2, 5, 7, layer_width)
    return adapter, read, said


def expected(adapter, read, said, scale, activation):
    """Plain numpy, with W_down = D' and W_up = U' as the papers write them."""
    d, b, u, c = (
        w.detach().double().numpy()
        for w in (adapter.down, adapter.down_bias, adapter.up, adapter.up_bias)
    )
    hidden = ACTIVATIONS[activation](read.double().numpy() @ d.T + b)
    return said.double().numpy() + scale * (hidden @ u.T + c)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_sequential_is_houlsbys(activation):
    form = BottleneckForm(reduction=3, activation=activation)
    adapter, read, said = random(form)
    found = adapter(read, said).detach().numpy()
    assert np.abs(found - expected(adapter, said, said, 1.0, activation)).max() < 1e-5


@pytest.mark.parametrize("is_scale_learned", [False, True])
@pytest.mark.parametrize("scale", [1.0, 4.0])
def test_parallel_is_hes(scale, is_scale_learned):
    form = BottleneckForm(
        is_parallel=True, reduction=3, scale=scale, is_scale_learned=is_scale_learned
    )
    adapter, read, said = random(form)
    found = adapter(read, said)
    wanted = expected(adapter, read, said, scale, "relu")
    assert np.abs(found.detach().numpy() - wanted).max() < 1e-5
    found.sum().backward()
    assert (adapter.scale.grad is not None) == is_scale_learned
    if is_scale_learned:  # d/ds of the sum is the sum of what s multiplies
        change = (wanted - said.numpy()).sum() / scale
        assert float(adapter.scale.grad) == pytest.approx(change, rel=1e-4)


def test_new_ones_change_nothing():
    said = torch.randn(3, 12)
    adapter = BottleneckModule(12, BottleneckForm(reduction=2, scale=4.0))
    assert torch.equal(adapter(torch.randn(3, 12), said), said)


def test_weights_are_those_of_the_paper():
    """Houlsby et al., section 2.1: 2 m d + d + m with biases."""
    adapter = BottleneckModule(12, BottleneckForm(reduction=3))
    trained = sum(p.numel() for p in adapter.parameters() if p.requires_grad)
    assert trained == 2 * 4 * 12 + 12 + 4


def test_dropout_only_while_training():
    adapter, read, said = random(BottleneckForm(reduction=2, dropout=0.5))
    assert not torch.equal(adapter(read, said), adapter(read, said))
    adapter.eval()
    assert torch.equal(adapter(read, said), adapter(read, said))


@pytest.mark.parametrize(("reduction", "width"), [(1, 12), (5, 2), (12, 1)])
def test_widths(reduction, width):
    assert BottleneckModule(12, BottleneckForm(reduction=reduction)).down.shape == (width, 12)


def test_no_width_is_refused():
    with pytest.raises(ConfigError, match=r"reduction=13 .* at most 12"):
        BottleneckModule(12, BottleneckForm(reduction=13))
