"""The loss of PPO: the clipped objective over experience, and the KL controller.

An answer is an episode, a token an action, the state all that stands before it. Nothing is
discounted (discount 1): answers end.

Letters: T tokens of one answer, N tokens of all answers of a batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

import torch

KL_GAIN = 0.5
"""K of the controller. Differs: Ziegler et al. take 0.1, for thousands of rounds; here are tens."""
MAX_KL_ERROR = 0.2
"""The controller never sees a larger relative error."""


@dataclass(frozen=True)
class Experience:
    """What was recorded of tokens when they were sampled; each (N,)."""

    logprobs: torch.Tensor
    """Under the policy that sampled them, nats."""
    values: torch.Tensor
    """Expected sum of the rewards from the token on."""
    advantages: torch.Tensor
    """How much better than expected the token was, whitened."""
    returns: torch.Tensor
    """Targets of the values: advantage, before whitening, plus value."""

    @classmethod
    def joined(cls, parts: Sequence["Experience"]) -> "Experience":
        """The experience of several answers, one after another."""
        return cls(*(torch.cat([getattr(p, f.name) for p in parts]) for f in fields(cls)))

    def to(self, device: torch.device) -> "Experience":
        """The same on a device."""
        return Experience(*(getattr(self, f.name).to(device) for f in fields(self)))


class PolicyLoss(NamedTuple):
    """Losses of policy and value, summed over the tokens."""

    policy: torch.Tensor
    value: torch.Tensor
    num_clipped: int
    """Tokens whose ratio is clipped, so that they have no gradient."""


def ppo_loss(
    logprobs: torch.Tensor, values: torch.Tensor, old: Experience, *, clip_range: float
) -> PolicyLoss:
    """The clipped surrogate objective, as a loss, and the clipped loss of values.

    -min(ratio A, clip(ratio, 1 - e, 1 + e) A), with the ratio of new to old probability (Schulman
    et al. 2017, equation 7). By the minimum a token gains nothing by moving further than e in the
    direction of its advantage, and is pulled back in full from the other. Values may move by e a
    round as well, and the larger of both squared errors counts, halved.

    Args:
        logprobs: Of the tokens now, (N,).
        values: Expected now, (N,).
        old: Recorded when the tokens were sampled.
        clip_range: e.
    """
    ratios = (logprobs - old.logprobs).exp()
    unclipped = ratios * old.advantages
    clipped = ratios.clamp(1 - clip_range, 1 + clip_range) * old.advantages
    clipped_values = old.values + (values - old.values).clamp(-clip_range, clip_range)
    errors = torch.maximum((values - old.returns) ** 2, (clipped_values - old.returns) ** 2)
    num_clipped = int((clipped < unclipped).sum())
    return PolicyLoss(-torch.minimum(unclipped, clipped).sum(), 0.5 * errors.sum(), num_clipped)


def next_kl_coef(kl_coef: float, kl: float, target_kl: float) -> float:
    """The penalty after a round whose answers lay `kl` nats from the reference.

    Ziegler et al. 2019, section 2.2: the proportional controller in log space,
    error = clip((KL - target) / target, -0.2, 0.2), and kl_coef grows by the factor 1 + K error.
    """
    error = (kl - target_kl) / target_kl
    return kl_coef * (1 + KL_GAIN * min(MAX_KL_ERROR, max(-MAX_KL_ERROR, error)))
