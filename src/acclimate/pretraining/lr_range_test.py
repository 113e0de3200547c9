"""Find a learning rate: raise it until the loss breaks (Smith 2017)."""

import contextlib
import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from acclimate.core.errors import BackendError
from acclimate.core.record import Record
from acclimate.training.arguments import TrainingArguments
from acclimate.training.batch_source import BatchSource
from acclimate.training.optim import schedule_factor
from acclimate.training.run import Run
from acclimate.training.trainer import train

NUM_STEPS = 120
HIGHEST = 1.0
"""The sweep ends here; networks break long before."""
SMOOTHING = 0.9
"""Of the loss, as an exponential mean: single batches are noisy."""
_MARGIN = 10.0
"""The rate suggested lies so far below the one of the lowest loss (a usual reading of the test)."""


class RangeTest(Record):
    """The curve of a sweep, and what follows from it."""

    learning_rates: tuple[float, ...]
    """One a step, rising."""
    losses: tuple[float, ...]
    """Smoothed, nats a target."""
    suggested: float
    """A peak for the real run."""


def find_learning_rate(network: Any, run: Run) -> RangeTest:
    """Sweep the rate over a copy of the network; the network stays as it was.

    Args:
        network: Fresh, or as the real run will begin.
        run: The real run; its source, loss and seed are used, its checkpoints and journal are not.

    Raises:
        BackendError: There is no loss at all, whatever the rate.
    """
    ramp = {"num_steps": NUM_STEPS, "learning_rate": HIGHEST, "schedule": "ramp", "max_seconds": 0}
    plan = run.plan.model_copy(update=ramp)
    losses: list[float] = []
    source = _WithoutDev(run.source)
    # Where it breaks is what is looked for.
    with contextlib.suppress(BackendError):
        train(copy.deepcopy(network), Run(source, plan, run.seed, run.loss, on_loss=losses.append))
    return read_curve(plan, losses)


def read_curve(plan: TrainingArguments, losses: Sequence[float]) -> RangeTest:
    """The suggestion that a curve of losses makes.

    Raises:
        BackendError: No loss is a number.
    """
    finite = [loss for loss in losses if np.isfinite(loss)]
    if not finite:
        raise BackendError("range test: the first loss is no number; look at the text")
    rates = [plan.learning_rate * schedule_factor(plan, step) for step in range(len(finite))]
    smooth, mean = [], 0.0
    for number, loss in enumerate(finite, start=1):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        smooth.append(mean / (1 - SMOOTHING**number))
    lowest = int(np.argmin(smooth))
    return RangeTest(
        learning_rates=tuple(rates), losses=tuple(smooth), suggested=rates[lowest] / _MARGIN
    )


class _WithoutDev:
    """A source with nothing to look at: only the loss of each step counts."""

    has_dev = False
    targets_per_byte = None

    def __init__(self, source: BatchSource) -> None:
        self.passes, self.named, self.dev_passes = source.passes, source.named, source.dev_passes
