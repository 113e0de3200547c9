"""PPO's maths by hand."""

import math

import pytest
import torch

from acclimate.alignment.advantages import gae, token_rewards, whitened
from acclimate.alignment.ppo_loss import Experience, next_kl_coef, ppo_loss


def test_each_token_pays_its_way_and_the_last_gets_the_score():
    logprobs, reference = torch.tensor([-1.0, -2.0, -0.5]), torch.tensor([-1.5, -1.0, -0.5])
    rewards = token_rewards(3.0, logprobs, reference, kl_coef=0.2)
    assert rewards.tolist() == pytest.approx([-0.1, 0.2, 3.0])
    # All in all: the score less the penalty on log(policy / reference) of the whole answer.
    assert float(rewards.sum()) == pytest.approx(3.0 - 0.2 * (-3.5 + 3.0))


def test_gae_on_four_steps():
    rewards, values = torch.tensor([1.0, 0.0, -1.0, 2.0]), torch.tensor([0.5, 1.0, 0.0, 1.0])
    # surprises with discount 0.5, from the last: 2 - 1, -1 + 0.5 - 0, 0 + 0 - 1, 1 + 0.5 - 0.5
    # = 1, -0.5, -1, 1; with lambda 0.5 each takes over a quarter of the one after it.
    a4 = 1.0
    a3 = -0.5 + 0.25 * a4
    a2 = -1.0 + 0.25 * a3
    a1 = 1.0 + 0.25 * a2
    found = gae(rewards, values, gae_lambda=0.5, discount=0.5)
    assert found.tolist() == pytest.approx([a1, a2, a3, a4])
    assert (a1, a2, a3) == (0.734375, -1.0625, -0.25)


def test_gae_between_its_ends():
    rewards, values = torch.tensor([1.0, 0.0, -1.0, 2.0]), torch.tensor([0.5, 1.0, 0.0, 1.0])
    # lambda 1: all that came, less what was expected.
    ahead = torch.tensor([2.0, 1.0, 1.0, 2.0])
    assert torch.allclose(gae(rewards, values, gae_lambda=1.0), ahead - values)
    # lambda 0: one step, and then trust.
    expected = torch.tensor([1.0, 0.0, 1.0, 0.0])
    assert torch.allclose(gae(rewards, values, gae_lambda=0.0), rewards + expected - values)


def test_whitened_over_all_answers():
    parts = whitened([torch.tensor([1.0, 5.0]), torch.tensor([3.0])])
    every = torch.cat(parts)
    assert [len(part) for part in parts] == [2, 1]
    assert float(every.mean()) == pytest.approx(0.0, abs=1e-6)
    assert float(every.square().mean()) == pytest.approx(1.0, abs=1e-5)


def experience(logprobs, advantages, values=(0.0,) * 4, returns=(0.0,) * 4):
    return Experience(*map(torch.tensor, (logprobs, values, advantages, returns)))


RATIOS = (1.5, 1.5, 0.5, 0.5)


def test_the_clipped_objective():
    old = experience([0.0] * 4, [2.0, -2.0, 2.0, -2.0])
    logprobs = torch.tensor([math.log(r) for r in RATIOS], requires_grad=True)
    found = ppo_loss(logprobs, torch.zeros(4), old, clip_range=0.2)
    # The lesser of free and clipped: 3 or 2.4, -3 or -2.4, 1 or 1.6, -1 or -1.6.
    assert float(found.policy.detach()) == pytest.approx(-(2.4 - 3.0 + 1.0 - 1.6))
    assert found.num_clipped == 2
    found.policy.backward()
    # Who went further than asked learns nothing more; who went wrong is called back in full.
    assert logprobs.grad.tolist() == pytest.approx([0.0, 3.0, -1.0, 0.0])


def test_at_first_the_gradient_is_the_policy_gradient():
    old = experience([-1.0, -2.0, -3.0, -4.0], [0.3, -0.7, 1.1, 0.0])
    logprobs = old.logprobs.clone().requires_grad_(True)
    found = ppo_loss(logprobs, torch.zeros(4), old, clip_range=0.2)
    found.policy.backward()
    assert torch.allclose(logprobs.grad, -old.advantages)
    assert found.num_clipped == 0


def test_the_clipped_loss_of_values():
    old = experience([0.0] * 4, [0.0] * 4, (1.0, 1.0, 1.0, 1.0), (2.0, 2.0, 0.0, 1.0))
    values = torch.tensor([1.1, 1.6, 1.5, 0.5])
    # near: 1.1, 1.2, 1.2, 0.8; the worse of both squared errors, halved
    errors = [0.9**2, max(0.4**2, 0.8**2), max(1.5**2, 1.2**2), max(0.5**2, 0.2**2)]
    found = ppo_loss(torch.zeros(4), values, old, clip_range=0.2)
    assert float(found.value) == pytest.approx(0.5 * sum(errors))


@pytest.mark.parametrize(
    ("kl", "factor"), [(6.0, 1.0), (6.6, 1.05), (100.0, 1.1), (5.4, 0.95), (0.0, 0.9)]
)
def test_the_penalty_steers_to_its_target(kl, factor):
    assert next_kl_coef(0.3, kl, target_kl=6.0) == pytest.approx(0.3 * factor)
