"""Rewards of tokens, and generalised advantages of them (Schulman et al. 2016).

An answer is an episode, a token an action, the state all that stands before it. Nothing is
discounted (discount 1): answers end.

Letters: T tokens of one answer.
"""

from collections.abc import Sequence

import torch


def token_rewards(
    score: float, logprobs: torch.Tensor, reference: torch.Tensor, kl_coef: float
) -> torch.Tensor:
    """Reward of each token: the KL penalty, and the score of the answer at the last one.

    r_t = -kl_coef log(policy / reference), and the score added at the end (Ziegler et al. 2019,
    equation 2). Summed over an answer the penalty estimates the KL to the reference: what the
    policy gains by the score must outweigh it. Gives (T,).

    Args:
        score: Of the whole answer.
        logprobs: Of its tokens under the policy that wrote it, (T,), nats.
        reference: The same under the reference.
        kl_coef: Penalty of a nat.
    """
    rewards = -kl_coef * (logprobs - reference)
    rewards[-1] += score
    return rewards


def gae(
    rewards: torch.Tensor, values: torch.Tensor, *, gae_lambda: float, discount: float = 1.0
) -> torch.Tensor:
    """Generalized advantage estimation (Schulman et al. 2016, equation 16).

    A_t = surprise_t + discount lambda A_(t+1), with surprise_t = r_t + discount V_(t+1) - V_t.
    lambda = 1 compares all later rewards with the value, unbiased but noisy; lambda = 0 trusts the
    value one token later. After the last token the value is 0. Gives (T,).
    """
    advantages = torch.zeros_like(rewards)
    following, expected = 0.0, 0.0
    for t in reversed(range(len(rewards))):
        surprise = float(rewards[t]) + discount * expected - float(values[t])
        following = surprise + discount * gae_lambda * following
        advantages[t], expected = following, float(values[t])
    return advantages


def whitened(advantages: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """The advantages of all answers of a round with mean 0 and variance 1."""
    every = torch.cat(list(advantages))
    spread = every.std(correction=0) + 1e-8
    return [(row - every.mean()) / spread for row in advantages]
