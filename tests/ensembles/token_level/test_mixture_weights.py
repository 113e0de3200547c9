"""Weights found are those of the optimum, as SciPy finds it and as closed forms say."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from acclimate.ensembles.token_level.mixture_weights import mixture_weights, product_weights


def drawn(num_tokens, num_members, vocab_size, seed=0):
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(num_tokens, num_members, vocab_size, generator=generator)
    return logits.log_softmax(-1), torch.randint(vocab_size, (num_tokens,), generator=generator)


def best(value, num_members):
    """The optimum by sequential quadratic programming."""
    return minimize(
        lambda w: -value(w),
        np.full(num_members, 1 / num_members),
        bounds=[(0, 1)] * num_members,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
        options={"ftol": 1e-13},
    ).x


def test_of_a_mixture():
    logprobs, tokens = drawn(60, 3, 7)
    own = logprobs[torch.arange(60), :, tokens]
    probs = own.double().exp().numpy()
    expected = best(lambda w: np.log(probs @ w).mean(), 3)
    assert mixture_weights(own).tolist() == pytest.approx(expected, abs=2e-3)


def test_of_a_product():
    logprobs, tokens = drawn(60, 3, 7, seed=1)
    table = logprobs.double().numpy()

    def value(w):
        joined = np.einsum("nkv,k->nv", table, w)
        return (joined[np.arange(60), tokens] - np.log(np.exp(joined).sum(1))).mean()

    found = product_weights(logprobs, tokens).tolist()
    assert value(np.array(found)) == pytest.approx(value(best(value, 3)), abs=1e-6)
    assert found == pytest.approx(best(value, 3), abs=5e-3)


def test_two_members_each_sure_of_its_own_share():
    # Member 0 gives (0.9, 0.1), member 1 (0.1, 0.9); with 3 of 4 tokens the first, the mixture
    # that gives it 3/4 is best: w = (0.75 - 0.1) / 0.8.
    rows = torch.tensor([[0.9, 0.1]] * 3 + [[0.1, 0.9]]).log()
    assert mixture_weights(rows).tolist() == pytest.approx([0.8125, 0.1875], abs=1e-3)


def test_one_that_is_never_better_gets_nothing_and_equals_stay_equal():
    assert mixture_weights(torch.tensor([[-1.0, -3.0], [-2.0, -2.5]]))[1] < 1e-3
    assert mixture_weights(torch.full((4, 2), -1.0)).tolist() == [0.5, 0.5]
