"""Validation during training: the dev loss, early stopping, and what is logged."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from acclimate.core.errors import BackendError
from acclimate.core.runtime.cost import spend
from acclimate.core.runtime.fit_log import log_point
from acclimate.core.runtime.progress import notify
from acclimate.training import loss_monitor
from acclimate.training.batch_source import BatchSource
from acclimate.training.distributed import World, reshard, shard_like, unshard
from acclimate.training.losses import Loss, next_token_loss
from acclimate.training.run import Run, cost_of


def mean_loss(network: Any, source: BatchSource, loss: Loss = next_token_loss) -> float:
    """The loss on dev, nats a target, without gradients."""
    world = World.here()
    was_training = network.training
    network.eval()
    total, num_targets = 0.0, 0
    with torch.no_grad():
        for batch in world.in_step(source.dev_passes(world.rank, world.size)):
            total += float(loss(network, batch))
            num_targets += batch.num_targets
            spend(cost_of(network, batch, 2.0))
    network.train(was_training)
    reshard(network)
    total, count = world.total(total, num_targets)
    return total / max(1.0, count)


class Validator:
    """Evaluates a network during a run, and writes its run log and messages."""

    def __init__(self, network: Any, run: Run) -> None:
        """Evaluate a network with the source, probes, sample and run log of a run."""
        self.network, self.run = network, run
        self.stopping = EarlyStopping(network, run.arguments.patience)
        self.train_losses: list[float] = []
        """Mean since the evaluation before, one an evaluation; 0 at the one before any step."""
        self._is_main = World.here().is_main

    def evaluate(self, step: int, train_losses: Sequence[float]) -> None:
        """Measure the dev loss after a step, given the losses of all steps, and log it.

        Raises:
            BackendError: The dev loss is no number.
        """
        if not self.run.source.has_dev:
            return
        recent = train_losses[-self.run.arguments.eval_every :]
        self.train_losses.append(sum(recent) / max(1, len(recent)))
        metrics = self._measured(step)
        if step:
            log_point("train loss, nats", step, self.train_losses[-1])
        log_point("dev loss, nats", step, metrics["dev_loss"])
        self.note(step, **metrics)
        self._say(
            f"step {step}: " + ", ".join(f"{_readable(n)} {v:.4g}" for n, v in metrics.items())
        )
        if loss_monitor.is_overfitting(self.train_losses[1:], self.stopping.losses[1:]):
            self._say(
                "train loss falls while dev loss rises: the run has begun to learn by heart; the "
                "best weights so far are kept"
            )

    def note(self, step: int, **values: float | None) -> None:
        """Write numbers into the run log."""
        if self.run.run_log is not None and self._is_main:
            self.run.run_log.log(step, **values)

    def rewind(self, step: int) -> None:
        """Remove what the run log holds after a step; with -1 all of it."""
        if self.run.run_log is not None and self._is_main:
            self.run.run_log.rewind(step)

    def close(self) -> None:
        """Close the run log."""
        if self.run.run_log is not None and self._is_main:
            self.run.run_log.close()

    def _measured(self, step: int) -> dict[str, float]:
        loss = mean_loss(self.network, self.run.source, self.run.loss)
        if not math.isfinite(loss):
            raise BackendError(
                f"training: the dev loss is {loss} at step {step}; lower learning_rate, or look "
                "at the dev data"
            )
        self.stopping.observe(loss)
        self.network.eval()
        # In every process: where the weights are sharded over them, none can run the network alone.
        probed = {name: probe(self.network) for name, probe in self.run.probes.items()}
        sample = self.run.sample(self.network) if self.run.sample is not None else ""
        self.network.train()
        reshard(self.network)
        if sample:
            self._say(sample)
        counted = per_text(loss, self.run.source.targets_per_byte)
        return {"dev_loss": loss, **{f"dev_{n}": v for n, v in counted.items()}, **probed}

    def _say(self, text: str) -> None:
        # A run without a run log is one of many in a study, which reports in its rows.
        if self._is_main and self.run.run_log is not None:
            notify(text)


def per_text(loss: float | None, targets_per_byte: float | None) -> dict[str, float]:
    """Perplexity and bits per byte of text of which every token is a target.

    Args:
        loss: Nats a target.
        targets_per_byte: None: not every token is a target, and neither is defined.
    """
    if loss is None or targets_per_byte is None:
        return {}
    return {
        "perplexity": math.exp(min(loss, 700.0)),  # a float holds no more
        "bits_per_byte": loss / math.log(2) * targets_per_byte,
    }


def _readable(name: str) -> str:
    return name.replace("_", " ")


class EarlyStopping:
    """Keeps the trained weights of the lowest dev loss, and ends the run by it (Prechelt 1998)."""

    def __init__(self, network: Any, patience: int) -> None:
        """Stop after `patience` evaluations without a better loss; never with 0."""
        self._learned = {n: p for n, p in network.named_parameters() if p.requires_grad}
        self._patience = patience
        self._best: dict[str, torch.Tensor] = {}
        self.losses: list[float] = []

    @property
    def is_over(self) -> bool:
        """Whether none of the last `patience` evaluations was better than those before."""
        return bool(self._patience and self.losses) and self._since_best >= self._patience

    @property
    def is_best_now(self) -> bool:
        """Whether the last evaluation was the best."""
        return bool(self.losses) and self._since_best == 0

    @property
    def _since_best(self) -> int:
        return len(self.losses) - 1 - self.losses.index(min(self.losses))

    def observe(self, loss: float) -> None:
        """Record a dev loss, and copy the weights if it is the lowest."""
        self.losses.append(loss)
        if self.is_best_now:
            self._best = {n: p.detach().clone() for n, p in self._learned.items()}

    @torch.no_grad()
    def restore(self) -> None:
        """Put the best weights back."""
        for name, weight in self._best.items():
            self._learned[name].copy_(weight)

    def best(self) -> dict[str, torch.Tensor]:
        """The best weights by name, whole even where they are sharded over processes."""
        return {name: unshard(weight) for name, weight in self._best.items()}

    def resume(self, losses: Sequence[float], best: Mapping[str, torch.Tensor]) -> None:
        """Restore the losses and the best weights of a checkpoint."""
        self.losses[:] = losses
        self._best = {name: shard_like(w, self._learned[name]) for name, w in best.items()}
