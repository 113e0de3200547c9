"""Settings of PPO: rounds, batch size, clipping, KL penalty, entropy bonus."""

from pydantic import Field

from acclimate.core.record import Record


class PolicySettings(Record):
    """How a policy is trained by PPO; its learning rate belongs to the method."""

    num_rounds: int = Field(default=20, ge=1)
    """Rounds of sampling and training."""
    num_rollouts: int = Field(default=64, ge=2)
    """Answers sampled a round; the paper's 512 are for faster machines."""
    num_epochs: int = Field(default=4, ge=1)
    """Passes over a round's answers; 4 is Ziegler et al.'s (2019)."""
    batch_size: int = Field(default=16, ge=1)
    """Answers a step."""
    clip_range: float = Field(default=0.2, gt=0, lt=1)
    """How far a token's probability ratio moves in a round at most; 0.2 is PPO's paper's."""
    gae_lambda: float = Field(default=0.95, ge=0, le=1)
    """Lambda of advantage estimation, from 0, trust in the values, to 1, trust in the rewards; 0.95
    is Ziegler et al.'s."""
    kl_coef: float = Field(default=0.1, gt=0)
    """KL penalty at the start, standard deviations of the reward a nat; from then on a controller
    steers to `target_kl`."""
    target_kl: float = Field(default=2.0, gt=0)
    """KL to the reference, nats an answer; 2 is about that of the best of 20 samples. Ziegler et
    al. allow 6 and more, to rewards from many thousands of pairs."""
    value_coef: float = Field(default=0.1, ge=0)
    """Weight of the loss of values; 0.1 is Ziegler et al.'s."""
    entropy_coef: float = Field(default=0.0, ge=0)
    """Bonus a nat of entropy; 0 is usual here: the penalty keeps the policy from collapsing."""
