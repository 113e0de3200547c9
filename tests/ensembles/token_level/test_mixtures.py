"""Mixtures of known distributions have their closed forms."""

import itertools
import math

import pytest
import torch

from acclimate.ensembles.token_level.mixtures import Mixture

P = torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])
Q = torch.tensor([[0.1, 0.3, 0.6], [0.5, 0.25, 0.25]])
R = torch.tensor([[0.2, 0.2, 0.6], [0.4, 0.3, 0.3]])


def joined(space, dists, weights):
    table = torch.tensor([weights] * 2, dtype=torch.float32)
    # Logits are log-probabilities up to a constant.
    logits = [d.log() + 3 * k for k, d in enumerate(dists)]
    return Mixture(space=space).logprobs(logits, table).exp()


def test_probabilities_are_added():
    assert torch.allclose(joined("probability", [P, Q, R], [1, 2, 1]), (P + 2 * Q + R) / 4)


def test_logarithms_are_added_and_renormalised():
    product = P**0.25 * Q**0.5 * R**0.25
    expected = product / product.sum(-1, keepdim=True)
    assert torch.allclose(joined("log", [P, Q, R], [1, 2, 1]), expected)


@pytest.mark.parametrize("space", ["probability", "log"])
def test_order_and_scale_do_not_matter_and_nought_is_not_heard(space):
    one = joined(space, [P, Q, R], [1, 2, 3])
    for order in itertools.permutations(range(3)):
        members = [[P, Q, R][k] for k in order]
        again = joined(space, members, [[10, 20, 30][k] for k in order])
        assert torch.allclose(one, again, atol=1e-6)
    far = torch.tensor([[1e-38, 1.0, 0.0]] * 2)
    assert torch.allclose(joined(space, [P, far, R], [1, 0, 1]), joined(space, [P, R], [1, 1]))


@pytest.mark.parametrize("space", ["probability", "log"])
@pytest.mark.parametrize("weights", [(1, 1, 1), (0.1, 0.2, 0.7), (3, 1, 0)])
def test_of_equals_is_exactly_each(space, weights):
    logits = torch.randn(5, 400, generator=torch.Generator().manual_seed(0)) * 8
    table = torch.tensor([weights] * 5)
    found = Mixture(space=space).logprobs([logits] * 3, table)
    assert torch.equal(found, logits.log_softmax(-1))


def test_rows_have_weights_of_their_own_and_vocabularies_may_be_padded():
    padded = torch.cat([Q.log(), torch.full((2, 2), -9.0)], 1)
    found = Mixture().logprobs([P.log(), padded], torch.tensor([[1.0, 0.0], [0.0, 1.0]])).exp()
    assert torch.allclose(found, torch.stack([P[0], Q[1]]))


def test_what_is_impossible_to_all_is_impossible():
    apart = torch.tensor([[0.0, 0.5, 0.5]])
    both = torch.tensor([[0.0, 0.2, 0.8]])
    for space in ("probability", "log"):
        found = Mixture(space=space).logprobs([apart.log(), both.log()], torch.ones(1, 2))
        assert found[0, 0] == -math.inf
        assert float(found.exp().sum()) == pytest.approx(1)


def test_a_mixture_explains_no_worse_than_its_members_on_average():
    weights = torch.tensor([0.2, 0.5, 0.3])
    nll = -joined("probability", [P, Q, R], weights.tolist()).log()
    mean = sum(w * -d.log() for w, d in zip(weights, [P, Q, R], strict=True))
    assert (nll <= mean + 1e-6).all()
