"""Weights under which a mixture explains tokens best: a concave problem.

Letters: N tokens, K members, V vocabulary.
"""

from collections.abc import Callable

import torch

MAX_STEPS = 500
_TOLERANCE = 1e-9
"""Nats a token that a step must gain."""

WeightObjective = Callable[[torch.Tensor], tuple[float, torch.Tensor]]
"""Weights (K,) in; the value to be made great, and its gradient (K,)."""


def mixture_weights(logprobs: torch.Tensor) -> torch.Tensor:
    """Weights (K,) of the greatest mean of log sum_k w_k p_k, from log p_k of tokens (N, K)."""
    greatest = logprobs.max(-1, keepdim=True).values
    probs = (logprobs - greatest).double().exp()  # (N, K), each token in a scale of its own

    def value(weights: torch.Tensor) -> tuple[float, torch.Tensor]:
        mixed = probs @ weights
        return float(mixed.log().mean()), (probs / mixed[:, None]).mean(0)

    return exponentiated_gradient(value, logprobs.shape[-1])


def product_weights(logprobs: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """Weights (K,) of the greatest mean of log (prod_k p_k^w_k / Z), from log p_k (N, K, V).

    Args:
        logprobs: Of every token, by each member.
        tokens: Those that stand there, (N,).
    """
    target_logprobs = logprobs[torch.arange(len(tokens)), :, tokens].double()  # (N, K)

    def value(weights: torch.Tensor) -> tuple[float, torch.Tensor]:
        joined = torch.einsum("nkv,k->nv", logprobs, weights.to(logprobs.dtype))
        probs = joined.softmax(-1)
        expected = torch.einsum("nkv,nv->nk", logprobs, probs).double()
        gain = target_logprobs @ weights - joined.logsumexp(-1)
        return float(gain.mean()), (target_logprobs - expected).mean(0)

    return exponentiated_gradient(value, logprobs.shape[1])


def exponentiated_gradient(objective: WeightObjective, num_members: int) -> torch.Tensor:
    """Where exponentiated gradient ends (Kivinen & Warmuth 1997); a step that loses is cut."""
    weights = torch.full((num_members,), 1 / num_members, dtype=torch.float64)
    value, gradient = objective(weights)
    step = 1.0
    for _ in range(MAX_STEPS):
        tried = (weights.log() + step * gradient).softmax(0)
        gain, next_gradient = objective(tried)
        gain -= value
        if gain > 0:
            weights, value, gradient = tried, value + gain, next_gradient
        elif step < _TOLERANCE:
            break
        if 0 < gain < _TOLERANCE and step >= 1:
            break
        step *= 2 if gain > 0 else 0.25
    return weights
