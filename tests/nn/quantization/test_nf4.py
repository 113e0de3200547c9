"""NF4 by an independent rounding in numpy, and the paper's sixteen codes."""

import numpy as np
import pytest
import torch
from bitsandbytes import functional

from acclimate.nn.quantization.nf4 import BLOCK, dequantize, num_weight_bytes, quantize

CODES = np.array(
    [
        *(-1.0, -0.6961928, -0.52507305, -0.39491749, -0.28444138, -0.18477343, -0.09105004, 0.0),
        *(0.0795803, 0.1609302, 0.2461123, 0.33791524, 0.44070983, 0.562617, 0.72295684, 1.0),
    ]
)
"""Dettmers et al. 2023, appendix E."""


class Net(torch.nn.Module):
    """The least that can be quantised."""

    dtype = torch.float32

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body = torch.nn.Linear(96, 40)
        self.head = torch.nn.Linear(40, 7)

    def get_output_embeddings(self):
        return self.head


def rounded(weight):
    """Each block's greatest size, and the number of the nearest code of each weight."""
    blocks = weight.reshape(-1, BLOCK)
    scales = np.abs(blocks).max(axis=1)
    nearest = np.abs(blocks[:, :, None] / scales[:, None, None] - CODES).argmin(axis=2)
    return scales, nearest


@pytest.fixture
def net():
    return Net().requires_grad_(False)


def test_the_codes_are_the_papers():
    found = functional.get_4bit_type("nf4", device="cpu").numpy()
    assert found == pytest.approx(CODES, abs=1e-7)


def test_weights_are_rounded_to_the_nearest_code(net):
    weight = net.body.weight.numpy().copy()
    scales, nearest = rounded(weight)
    layer = quantize(net).body
    packed = layer.weight.numpy().reshape(-1)
    found = np.stack([packed >> 4, packed & 15], axis=1).reshape(nearest.shape)
    assert np.array_equal(found, nearest)
    # Scales lose something to their own eight bits: a step is 1/128 of their spread.
    expected = CODES[nearest] * scales[:, None]
    again = dequantize(net).body.weight.numpy().reshape(expected.shape)
    assert again == pytest.approx(expected, rel=5e-3, abs=1e-7)
    assert np.abs(again - expected).max() > 0


def test_bias_and_output_layer_stay(net):
    bias, head = net.body.bias, net.head
    quantize(net)
    assert net.body.bias is bias
    assert net.head is head
    assert type(net.head) is torch.nn.Linear


def test_products_and_gradients_are_those_of_the_rounded_weights(net):
    x = torch.randn(5, 96, requires_grad=True)
    quantize(net)
    found = net.body(x)
    (grad,) = torch.autograd.grad(found.square().sum(), x)
    plain = dequantize(net).body
    assert torch.allclose(found, plain(x), atol=1e-5)
    (expected,) = torch.autograd.grad(plain(x).square().sum(), x)
    assert torch.allclose(grad, expected, atol=1e-4)


def test_memory_is_counted_once(net):
    weights = 4 * (96 * 40 + 40 + 40 * 7 + 7)
    assert num_weight_bytes(net) == weights
    net.tied = net.body
    assert num_weight_bytes(net) == weights
    del net.tied
    # 60 scales of a byte, tables of 16 and 256 floats, two floats for the scales' own scale.
    saved = 4 * 96 * 40 - 96 * 40 / 2 - 60 - 4 * (16 + 256 + 2)
    assert num_weight_bytes(quantize(net)) == weights - saved
