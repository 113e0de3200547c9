"""Learning rate range test: raise the rate until the loss diverges (Smith 2017)."""

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
"""The sweep ends here; networks diverge long before."""
SMOOTHING = 0.9
"""Factor of the exponential mean of the losses: single batches are noisy."""
_MARGIN = 10.0
"""The rate suggested lies so far below the one of the lowest loss (a usual reading of the test)."""


class RangeTest(Record):
    """The losses of a sweep by learning rate, and the suggested rate."""

    learning_rates: tuple[float, ...]
    """One a step, rising."""
    losses: tuple[float, ...]
    """Smoothed, nats a target."""
    suggested: float
    """A peak for the real run."""


def find_learning_rate(network: Any, run: Run) -> RangeTest:
    """Sweep the rate over a copy of the network; the network itself does not change.

    Args:
        network: As the real run will begin.
        run: The real run; its source, loss and seed are used, its checkpoints and run log are not.

    Raises:
        BackendError: There is no loss at all, whatever the rate.
    """
    ramp = {"num_steps": NUM_STEPS, "learning_rate": HIGHEST, "schedule": "ramp", "max_seconds": 0}
    arguments = run.arguments.model_copy(update=ramp)
    losses: list[float] = []
    source = _WithoutDev(run.source)
    # The loss is meant to diverge in the end.
    with contextlib.suppress(BackendError):
        train(
            copy.deepcopy(network),
            Run(source, arguments, run.seed, run.loss, on_loss=losses.append),
        )
    return read_curve(arguments, losses)


def read_curve(arguments: TrainingArguments, losses: Sequence[float]) -> RangeTest:
    """The learning rate that a curve of losses suggests.

    Raises:
        BackendError: No loss is a number.
    """
    finite = [loss for loss in losses if np.isfinite(loss)]
    if not finite:
        raise BackendError("range test: the first loss is no number; look at the text")
    rates = [
        arguments.learning_rate * schedule_factor(arguments, step) for step in range(len(finite))
    ]
    smooth, mean = [], 0.0
    for number, loss in enumerate(finite, start=1):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        smooth.append(mean / (1 - SMOOTHING**number))
    lowest = int(np.argmin(smooth))
    return RangeTest(
        learning_rates=tuple(rates), losses=tuple(smooth), suggested=rates[lowest] / _MARGIN
    )


class _WithoutDev:
    """A source without dev data: only the loss of each step counts."""

    has_dev = False
    targets_per_byte = None

    def __init__(self, source: BatchSource) -> None:
        self.passes, self.named, self.dev_passes = source.passes, source.named, source.dev_passes
