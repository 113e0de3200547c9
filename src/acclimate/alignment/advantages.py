"""What is noted of answers before a policy learns from them.

Letters: T tokens of an answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from acclimate.alignment.ppo_loss import Experience, gae, token_rewards, whitened
from acclimate.alignment.rollouts import Rollout
from acclimate.alignment.token_logprobs import answer_logits, in_passes
from acclimate.core.runtime.cost import spend
from acclimate.training.packing import TokenizedExample, one_a_row
from acclimate.training.run import cost_of


@dataclass(frozen=True)
class ScoredRollouts:
    """The answers of a round, ready to learn from."""

    rollouts: list[Rollout]
    kl: float
    """KL of the policy to the reference, nats an answer, mean."""
    entropy: float
    """Of the policy, nats a token, mean."""


@dataclass
class _TokenStats:
    """What policy and reference say of answers' tokens; each a list of (T,), one an answer."""

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
        reference: The network that it shall stay near.
        examples: Prompts and answers.
        scores: Of the answers.
        kl_coef: Score that a nat from the reference costs.
        gae_lambda: Of the advantages.
    """
    said = _said(policy, reference, examples)
    rewards = [
        token_rewards(score, own, held, kl_coef)
        for score, own, held in zip(scores, said.logprobs, said.reference, strict=True)
    ]
    advantages = [
        gae(own, values, gae_lambda=gae_lambda)
        for own, values in zip(rewards, said.values, strict=True)
    ]
    parts = zip(said.logprobs, said.values, whitened(advantages), advantages, strict=True)
    noted = [Experience(own, values, white, a + values) for own, values, white, a in parts]
    rollouts = [Rollout(e, own) for e, own in zip(examples, noted, strict=True)]
    kl = float(torch.stack([own.sum() for own in said.kls]).mean())
    return ScoredRollouts(rollouts, kl, float(torch.cat(said.entropies).mean()))


@torch.no_grad()
def _said(policy: Any, reference: Any, examples: Sequence[TokenizedExample]) -> _TokenStats:
    said = _TokenStats()
    for some in in_passes([len(example) for example in examples]):
        is_seq2seq = bool(policy.config.is_encoder_decoder)
        batch = one_a_row(examples[some], is_seq2seq=is_seq2seq)
        own, held = answer_logits(policy, batch), answer_logits(reference, batch)
        found = {
            "logprobs": own.logprobs,
            "reference": held.logprobs,
            "values": policy.value_head(own.hidden),
            # Of whole distributions, not of the tokens drawn: the same mean, and far less noise.
            "kls": own.kl(held),
            "entropies": own.entropies,
        }
        for name, values in found.items():
            getattr(said, name).extend(values.cpu().split(own.lengths))
        spend(cost_of(policy, batch, 4.0))  # 2 under each of both
    return said
