"""Rollouts scored for PPO: log-probabilities, values and advantages of each token.

Letters: T tokens of an answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from acclimate.alignment.advantages import gae, token_rewards, whitened
from acclimate.alignment.ppo_loss import Experience
from acclimate.alignment.rollouts import Rollout
from acclimate.alignment.token_logprobs import answer_logits, in_passes
from acclimate.core.runtime.cost import spend
from acclimate.training.packing import TokenizedExample, one_a_row
from acclimate.training.run import cost_of


@dataclass(frozen=True)
class ScoredRollouts:
    """The answers of a round with their advantages."""

    rollouts: list[Rollout]
    kl: float
    """KL of the policy to the reference, nats an answer, mean."""
    entropy: float
    """Of the policy, nats a token, mean."""


@dataclass
class _TokenStats:
    """Policy and reference at the answers' tokens; each a list of (T,), one an answer."""

    logprobs: list[torch.Tensor] = field(default_factory=list)
    reference: list[torch.Tensor] = field(default_factory=list)
    values: list[torch.Tensor] = field(default_factory=list)
    kls: list[torch.Tensor] = field(default_factory=list)
    entropies: list[torch.Tensor] = field(default_factory=list)


def score_rollouts(
    policy: Any,
    reference: Any,
    examples: Sequence[TokenizedExample],
    scores: Sequence[float],
    *,
    kl_coef: float,
    gae_lambda: float,
) -> ScoredRollouts:
    """Spread each answer's score over its tokens as advantages.

    Args:
        policy: The network that wrote the answers, with a value head.
        reference: The network whose KL divergence is penalized.
        examples: Prompts and answers.
        scores: Of the answers.
        kl_coef: Penalty of a nat of KL to the reference.
        gae_lambda: Lambda of generalized advantage estimation.
    """
    stats = _token_stats(policy, reference, examples)
    rewards = [
        token_rewards(score, logprobs, reference_logprobs, kl_coef)
        for score, logprobs, reference_logprobs in zip(
            scores, stats.logprobs, stats.reference, strict=True
        )
    ]
    advantages = [
        gae(token_reward, values, gae_lambda=gae_lambda)
        for token_reward, values in zip(rewards, stats.values, strict=True)
    ]
    parts = zip(stats.logprobs, stats.values, whitened(advantages), advantages, strict=True)
    experiences = [
        Experience(logprobs, values, white, raw + values) for logprobs, values, white, raw in parts
    ]
    rollouts = [Rollout(e, experience) for e, experience in zip(examples, experiences, strict=True)]
    kl = float(torch.stack([kls.sum() for kls in stats.kls]).mean())
    return ScoredRollouts(rollouts, kl, float(torch.cat(stats.entropies).mean()))


@torch.no_grad()
def _token_stats(policy: Any, reference: Any, examples: Sequence[TokenizedExample]) -> _TokenStats:
    """One pass of policy and reference over each batch of answers."""
    stats = _TokenStats()
    for some in in_passes([len(example) for example in examples]):
        is_seq2seq = bool(policy.config.is_encoder_decoder)
        batch = one_a_row(examples[some], is_seq2seq=is_seq2seq)
        answers, reference_answers = answer_logits(policy, batch), answer_logits(reference, batch)
        columns = {
            "logprobs": answers.logprobs,
            "reference": reference_answers.logprobs,
            "values": policy.value_head(answers.hidden),
            # Of whole distributions, not of the tokens drawn: the same mean, and far less noise.
            "kls": answers.kl(reference_answers),
            "entropies": answers.entropies,
        }
        for name, values in columns.items():
            getattr(stats, name).extend(values.cpu().split(answers.lengths))
        spend(cost_of(policy, batch, 4.0))  # 2 under each of both
    return stats
