"""The one training loop: packed, warmed up, clipped, stopped early on dev."""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from acclimate.core.cost import Cost, spend
from acclimate.core.errors import BackendError
from acclimate.core.progress import progress
from acclimate.core.seeding import derive, seed_everything
from acclimate.training.batches import Batch, Example, causal_batches, epoch, seq2seq_batches
from acclimate.training.losses import next_token_loss
from acclimate.training.optimizers import adamw
from acclimate.training.schedules import warmup_cosine
from acclimate.training.settings import TrainingSettings
from acclimate.training.stopping import EarlyStopping

MAX_PASS_TOKENS = 4096
"""Tokens in one forward and backward pass; a larger step is accumulated."""


@dataclass
class TrainingLog:
    """What a run did: mean losses in nats a learned token."""

    train_losses: list[float] = field(default_factory=list)
    """One a step."""
    dev_losses: list[float] = field(default_factory=list)
    """One a look; the first before any step."""


@dataclass(frozen=True)
class Run:
    """What to train on, how, and from which seed."""

    train: Sequence[Example]
    dev: Sequence[Example]
    learning_rate: float
    settings: TrainingSettings
    seed: int

    @property
    def num_steps(self) -> int:
        """Optimiser steps in all."""
        each = math.ceil(len(self.train) / self.settings.batch_size)
        return max(1, round(self.settings.num_epochs * each))

    @property
    def look_every(self) -> int:
        """Steps from one look at dev to the next."""
        each = math.ceil(len(self.train) / self.settings.batch_size)
        return max(1, math.ceil(each / self.settings.evals_per_epoch))


def train(network: Any, run: Run) -> TrainingLog:
    """Train, in place, the parameters that require a gradient; leaves the best on dev.

    Raises:
        BackendError: The loss is not a number; the step is named.
    """
    seed_everything(run.seed)
    network.train()
    optimizer = adamw(network, run.learning_rate, run.settings.weight_decay)
    stopping = EarlyStopping(network, run.settings.patience)
    log = TrainingLog(dev_losses=stopping.losses)
    _look(network, run, stopping)
    start = time.monotonic()
    with progress("training", run.num_steps) as advance:
        for step, examples in enumerate(_steps(run)):
            # On a slow machine the clock, not the count of steps, says how far the run is.
            limit = run.settings.max_seconds
            elapsed = (time.monotonic() - start) / limit if limit else 0.0
            done = max(step, round(elapsed * run.num_steps))
            factor = warmup_cosine(done, run.num_steps, run.settings.warmup_share)
            for group in optimizer.param_groups:
                group["lr"] = run.learning_rate * factor
            log.train_losses.append(_step(network, optimizer, examples, run, step))
            advance(1)
            if (step + 1) % run.look_every == 0 or step + 1 == run.num_steps:
                _look(network, run, stopping)
            if stopping.is_over or elapsed >= 1:
                break
    if run.dev:
        stopping.restore()
    network.eval().requires_grad_(False)
    return log


def mean_loss(network: Any, examples: Sequence[Example]) -> float:
    """Nats a learned token, without training."""
    was_training = network.training
    network.eval()
    total, num_targets = 0.0, 0
    with torch.inference_mode():
        for batch in _batches(network, examples):
            total += float(next_token_loss(network, batch))
            num_targets += batch.num_targets
            spend(_cost(network, batch, 2.0))
    network.train(was_training)
    return total / max(1, num_targets)


def _look(network: Any, run: Run, stopping: EarlyStopping) -> None:
    if run.dev:
        stopping.look(mean_loss(network, run.dev))


def _steps(run: Run) -> Iterator[Sequence[Example]]:
    done = 0
    while True:
        for examples in epoch(run.train, run.settings.batch_size, seed=derive(run.seed, done)):
            if done == run.num_steps:
                return
            done += 1
            yield examples


def _step(network: Any, optimizer: Any, examples: Sequence[Example], run: Run, step: int) -> float:
    """One optimiser step over all examples, however many passes it takes."""
    batches = list(_batches(network, examples))
    num_targets = sum(batch.num_targets for batch in batches)
    total = 0.0
    for batch in batches:
        loss = next_token_loss(network, batch)
        (loss / num_targets).backward()
        total += float(loss.detach())
        spend(_cost(network, batch, 6.0))
    if not math.isfinite(total):
        raise BackendError(f"training: the loss is {total} at step {step}; lower learning_rate")
    learned = [p for p in network.parameters() if p.requires_grad]
    torch.nn.utils.clip_grad_norm_(learned, run.settings.max_grad_norm)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return total / num_targets


def _batches(network: Any, examples: Sequence[Example]) -> Iterator[Batch]:
    if network.config.is_encoder_decoder:
        return seq2seq_batches(examples, max_tokens=MAX_PASS_TOKENS)
    return causal_batches(examples, max_tokens=MAX_PASS_TOKENS, dtype=network.dtype)


def _cost(network: Any, batch: Batch, flops_per_weight: float) -> Cost:
    """6 operations a weight and token to train, 2 to look."""
    flops = flops_per_weight * network.num_parameters() * batch.num_tokens
    return Cost(train_tokens=batch.num_tokens if flops_per_weight == 6.0 else 0, flops=flops)
