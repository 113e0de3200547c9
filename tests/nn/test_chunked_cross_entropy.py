"""The loss and its gradients are cross-entropy's, in slices or whole."""

import pytest
import torch
from torch.nn import functional

from acclimate.nn import chunked_cross_entropy as module
from acclimate.nn.chunked_cross_entropy import vocabulary_loss


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("has_bias", [False, True])
@pytest.mark.parametrize("slice_bytes", [1, 2**21])
def test_value_and_gradients(monkeypatch, smoothing, has_bias, slice_bytes):
    monkeypatch.setattr(module, "SLICE_BYTES", slice_bytes)
    torch.manual_seed(0)
    hidden, weight = torch.randn(150, 16), torch.randn(70, 16)
    bias = torch.randn(70) if has_bias else None
    targets = torch.randint(0, 70, (150,))
    given = [t.double() for t in (hidden, weight, *([bias] if has_bias else []))]
    for tensor in given:
        tensor.requires_grad_(True)
    logits = functional.linear(given[0], given[1], given[2] if has_bias else None)
    expected = functional.cross_entropy(logits, targets, reduction="sum", label_smoothing=smoothing)
    (3 * expected).backward()
    own = [t.detach().float().requires_grad_(True) for t in given]
    loss = vocabulary_loss(
        own[0], own[1], targets, bias=own[2] if has_bias else None, label_smoothing=smoothing
    )
    (3 * loss).backward()
    assert float(loss.detach()) == pytest.approx(float(expected.detach()), rel=1e-5)
    for mine, theirs in zip(own, given, strict=True):
        assert torch.allclose(mine.grad.double(), theirs.grad, atol=2e-4, rtol=1e-4)


def test_large_logits_stay_finite():
    hidden = torch.full((1, 4), 500.0)
    weight = torch.tensor([[1.0] * 4, [-1.0] * 4])
    loss = vocabulary_loss(hidden, weight, torch.tensor([1]))
    assert float(loss) == pytest.approx(4000.0)


def test_a_frozen_output_layer_gets_no_gradient():
    hidden = torch.randn(8, 4, requires_grad=True)
    weight = torch.randn(6, 4)
    vocabulary_loss(hidden, weight, torch.zeros(8, dtype=torch.long)).backward()
    assert weight.grad is None
    assert hidden.grad is not None
