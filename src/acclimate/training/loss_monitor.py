"""Checks of a run's losses: spikes and NaN, which stop it, and overfitting."""

import math
from collections.abc import Sequence
from statistics import median

from acclimate.core.errors import BackendError

WINDOW_STEPS = 50
"""Losses whose median a new one is compared with."""
NUM_EVALS = 2
"""Evaluations in a row that must show overfitting before it is reported."""


def loss_fault(losses: Sequence[float], loss: float, max_spike: float) -> str:
    """What is wrong with the loss of a step, or an empty string.

    Args:
        losses: Of the steps before, nats a target.
        loss: Of this step.
        max_spike: A loss over so many times the median of the last `WINDOW_STEPS` is a spike.
    """
    if not math.isfinite(loss):
        return f"the loss is {loss}"
    recent = losses[-WINDOW_STEPS:]
    # A loss that lies about zero or below (a policy's) has no spikes in this sense.
    if len(recent) == WINDOW_STEPS and loss > max_spike * median(recent) > 0:
        return f"the loss is {loss:.2f}, {loss / median(recent):.1f} times the median before it"
    return ""


def stopped(fault: str, step: int, batch: str, *, is_saved: bool) -> BackendError:
    """The error that ends a run.

    Args:
        fault: What is wrong.
        step: Steps made before.
        batch: Name of the data that the failing step read.
        is_saved: Whether there are checkpoints.
    """
    intact = "; the last checkpoint is intact" if is_saved else ""
    return BackendError(
        f"training: {fault} at step {step} ({batch}); lower learning_rate, or look at that batch"
        f"{intact}"
    )


def is_overfitting(train_losses: Sequence[float], dev_losses: Sequence[float]) -> bool:
    """Whether train loss fell while dev loss rose over the last evaluations.

    Args:
        train_losses: Mean since the evaluation before, one an evaluation.
        dev_losses: One an evaluation.
    """
    if min(len(train_losses), len(dev_losses)) <= NUM_EVALS:
        return False
    train, dev = train_losses[-NUM_EVALS - 1 :], dev_losses[-NUM_EVALS - 1 :]
    pairs = range(NUM_EVALS)
    return all(train[i + 1] < train[i] and dev[i + 1] > dev[i] for i in pairs)
