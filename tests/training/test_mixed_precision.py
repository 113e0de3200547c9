"""Half formats compute in half and update in full; what overflows is left out."""

import math

import pytest
import torch

from acclimate.training.mixed_precision import MixedPrecision


def layer_and_optimizer():
    layer = torch.nn.Linear(4, 1, bias=False)
    torch.nn.init.constant_(layer.weight, 1.0)
    return layer, torch.optim.SGD(layer.parameters(), lr=0.1)


def stepped(precision, layer, optimizer, gradient, max_grad_norm=100.0):
    """A step whose gradient is this for each of the four weights."""
    precision.backward((layer.weight * gradient).sum())
    return precision.step(layer, [optimizer], max_grad_norm)


@pytest.mark.parametrize(
    ("name", "dtype"),
    [("fp32", torch.float32), ("bf16", torch.bfloat16), ("fp16", torch.float16)],
)
def test_passes_are_in_the_format_and_weights_are_not(name, dtype):
    layer, _ = layer_and_optimizer()
    with MixedPrecision(name, "cpu").cast():
        assert layer(torch.ones(2, 4)).dtype == dtype
    assert layer.weight.dtype == torch.float32


@pytest.mark.parametrize("name", ["fp32", "bf16", "fp16"])
def test_a_step_is_the_gradients_whatever_its_scale(name):
    layer, optimizer = layer_and_optimizer()
    assert stepped(MixedPrecision(name, "cpu"), layer, optimizer, 0.5) == pytest.approx(1.0)
    assert layer.weight[0].tolist() == pytest.approx([0.95] * 4)
    assert layer.weight.grad is None


@pytest.mark.parametrize("name", ["fp32", "fp16"])
def test_a_long_gradient_is_cut_to_length(name):
    layer, optimizer = layer_and_optimizer()
    norm = stepped(MixedPrecision(name, "cpu"), layer, optimizer, 3.0, max_grad_norm=1.0)
    assert norm == pytest.approx(6.0)  # the root of four nines, before it is cut
    # 3 / 6 for each of four.
    assert layer.weight[0].tolist() == pytest.approx([1 - 0.1 * 0.5] * 4, abs=1e-5)


@pytest.mark.parametrize("name", ["fp32", "bf16", "fp16"])
@pytest.mark.parametrize("gradient", [math.inf, math.nan])
def test_a_gradient_that_is_no_number_changes_nothing(name, gradient):
    layer, optimizer = layer_and_optimizer()
    other = torch.optim.AdamW([torch.nn.Parameter(torch.ones(1))], lr=0.1)
    precision = MixedPrecision(name, "cpu")
    precision.backward((layer.weight * gradient).sum())
    other.param_groups[0]["params"][0].grad = torch.ones(1)
    assert precision.step(layer, [optimizer, other], 1.0) is None
    assert layer.weight.tolist() == [[1.0] * 4]
    assert not other.state  # an optimiser whose own gradients are sound waits too
    assert precision.may_overflow == (name == "fp16")


def test_the_scale_falls_after_an_overflow_and_is_kept():
    layer, optimizer = layer_and_optimizer()
    precision = MixedPrecision("fp16", "cpu")
    before = precision.state()["scale"]
    stepped(precision, layer, optimizer, math.inf)
    assert precision.state()["scale"] == before / 2
    fresh = MixedPrecision("fp16", "cpu")
    fresh.load(precision.state())
    assert fresh.state() == precision.state()


def test_a_format_without_a_scale_has_nothing_to_keep():
    precision = MixedPrecision("bf16", "cpu")
    precision.load(precision.state())
    assert precision.state() == {}
