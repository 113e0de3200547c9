"""What one training run is told, and what it logs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from acclimate.core.runtime.cost import Cost
from acclimate.training.arguments import TrainingArguments
from acclimate.training.batch_source import BatchSource
from acclimate.training.checkpoint import Checkpoints
from acclimate.training.losses import Loss, next_token_loss
from acclimate.training.optim import LrScale, unscaled
from acclimate.training.packing import Batch
from acclimate.training.run_log import RunLog


@dataclass
class TrainingLog:
    """What a run did: mean losses in nats a target."""

    train_losses: list[float] = field(default_factory=list)
    """One a step."""
    dev_losses: list[float] = field(default_factory=list)
    """One a look; the first before any step."""
    seconds: float = 0.0
    """Of all its parts, where it was killed and went on."""


@dataclass(frozen=True)
class Run:
    """What to train on, how, from which seed, and who shall know."""

    source: BatchSource
    plan: TrainingArguments
    seed: int
    loss: Loss = next_token_loss
    share: LrScale = unscaled
    """Of the learning rate, for each parameter by its name."""
    checkpoints: Checkpoints | None = None
    journal: RunLog | None = None
    probes: Mapping[str, Callable[[Any], float]] = field(default_factory=dict)
    """Own metrics, measured at each look."""
    sample: Callable[[Any], str] | None = None
    """Something for people to read at each look."""
    on_loss: Callable[[float], None] | None = None
    """Told the loss of every step, also of one that stops the run."""


def cost_of(network: Any, batch: Batch, flops_per_weight: float) -> Cost:
    """6 operations a weight and token to train, 2 to look."""
    flops = flops_per_weight * network.num_parameters() * batch.num_tokens
    return Cost(train_tokens=batch.num_tokens if flops_per_weight == 6.0 else 0, flops=flops)
