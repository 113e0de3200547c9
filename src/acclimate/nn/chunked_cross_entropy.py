"""Chunked cross-entropy over a vocabulary, without keeping its logits.

The output layer of a small network is most of its work and memory: N positions times V tokens.
Here a slice of positions at a time is projected, turned into its gradient while it still lies in
the processor's cache, and forgotten.

Letters: N learned positions, D width, V vocabulary.
"""

from typing import Any

import torch

from acclimate.nn.fast_linear import product

SLICE_BYTES = 2**21
"""Logits of one slice: about what a core's second-level cache holds."""


def vocabulary_loss(
    hidden: torch.Tensor,
    weight: torch.Tensor,
    targets: torch.Tensor,
    *,
    bias: torch.Tensor | None = None,
    label_smoothing: float = 0.0,
) -> torch.Tensor:
    """Summed cross-entropy of softmax(hidden weight' + bias), nats.

    Args:
        hidden: What the output layer reads, (N, D).
        weight: Of the output layer, (V, D).
        targets: Token ids, (N,).
        bias: Of the output layer, (V,).
        label_smoothing: Share of each target spread evenly over all V tokens.
    """
    total: torch.Tensor = _Loss.apply(hidden, weight, bias, targets, label_smoothing)
    return total


class _Loss(torch.autograd.Function):
    """The gradient of the logits is softmax - target: known as soon as the logits are."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        targets: torch.Tensor,
        smoothing: float,
    ) -> torch.Tensor:
        grad_hidden = torch.empty_like(hidden)
        grad_weight = torch.zeros_like(weight) if ctx.needs_input_grad[1] else None
        grad_bias = torch.zeros_like(bias) if bias is not None else None
        total = hidden.new_zeros(())
        rows = max(64, SLICE_BYTES // (4 * len(weight)))
        for start in range(0, len(hidden), rows):
            x, t = hidden[start : start + rows], targets[start : start + rows]
            logits = product(x, weight)  # (n, V)
            if bias is not None:
                logits += bias
            loss, grad = _loss_and_gradient(logits, t, smoothing)
            total += loss
            grad_hidden[start : start + rows] = product(grad, weight.t())
            if grad_weight is not None:
                grad_weight += product(grad.t(), x.t())
            if grad_bias is not None:
                grad_bias += grad.sum(0)
        ctx.save_for_backward(grad_hidden, grad_weight, grad_bias)
        return total

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (scale,) = grads
        scaled = [None if g is None else g * scale for g in ctx.saved_tensors]
        return *scaled, None, None


def _loss_and_gradient(
    logits: torch.Tensor, targets: torch.Tensor, smoothing: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Summed loss of logits (n, V), and its gradient, which overwrites them."""
    columns = targets[:, None]
    highest = logits.amax(1, keepdim=True)
    logits -= highest
    right, mean = logits.gather(1, columns), logits.mean(1, keepdim=True)
    logits.exp_()
    mass = logits.sum(1, keepdim=True)
    loss = (mass.log() - (1 - smoothing) * right - smoothing * mean).sum()
    logits /= mass  # softmax
    if smoothing:
        logits -= smoothing / logits.shape[1]
    logits.scatter_add_(1, columns, logits.new_full(columns.shape, smoothing - 1.0))
    return loss, logits
