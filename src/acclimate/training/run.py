"""A training run: its data, arguments, loss and outputs, and the log it returns."""

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
    """Losses of a run, means in nats a target, and its time."""

    train_losses: list[float] = field(default_factory=list)
    """One a step."""
    dev_losses: list[float] = field(default_factory=list)
    """One an evaluation; the first before any step."""
    seconds: float = 0.0
    """Of all parts, where the run was killed and resumed."""


@dataclass(frozen=True)
class Run:
    """What to train on, how and from which seed, and where checkpoints and numbers go."""

    source: BatchSource
    arguments: TrainingArguments
    seed: int
    loss: Loss = next_token_loss
    lr_scale: LrScale = unscaled
    """The factor of the learning rate, for each parameter by its name."""
    checkpoints: Checkpoints | None = None
    run_log: RunLog | None = None
    probes: Mapping[str, Callable[[Any], float]] = field(default_factory=dict)
    """More metrics of the network, by name, measured at each evaluation."""
    sample: Callable[[Any], str] | None = None
    """A text of the network, shown at each evaluation."""
    on_loss: Callable[[float], None] | None = None
    """Called with the loss of every step, also of one that stops the run."""


def cost_of(network: Any, batch: Batch, flops_per_weight: float) -> Cost:
    """Operations of a pass; a weight and token take 6 to train, 2 to evaluate."""
    flops = flops_per_weight * network.num_parameters() * batch.num_tokens
    return Cost(train_tokens=batch.num_tokens if flops_per_weight == 6.0 else 0, flops=flops)
