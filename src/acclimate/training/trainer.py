"""The training loop: clipping, loss checks, early stopping, resuming after a kill."""

import time
from functools import partial
from typing import Any

import torch

from acclimate.core.runtime.cost import spend
from acclimate.core.runtime.progress import progress
from acclimate.core.runtime.seeding import derive, seed_everything
from acclimate.nn import fast_linear
from acclimate.training import loss_monitor
from acclimate.training.distributed import World, distributed_loss, keeping_gradients
from acclimate.training.mixed_precision import MixedPrecision
from acclimate.training.optim import make_optimizers, schedule_factor, set_learning_rates
from acclimate.training.run import Run, TrainingLog, cost_of
from acclimate.training.validation import Validator


def train(network: Any, run: Run) -> TrainingLog:
    """Train, in place, the parameters that require a gradient; leaves the best on dev, frozen.

    Raises:
        BackendError: The loss is not a number, or has a spike; the step and its batch are named,
            and the last checkpoint is intact.
    """
    training = _Training(network, run)
    training.resume()
    try:
        with progress("training", run.arguments.num_steps) as advance:
            advance(training.step)
            if training.step == 0:
                training.validator.evaluate(0, ())
            while not training.is_over:
                training.advance()
                advance(1)
    finally:
        training.validator.close()
    training.finish()
    return training.log


class _Training:
    """The state of a run: network, optimisers, validator, log and step."""

    def __init__(self, network: Any, run: Run) -> None:
        self.network, self.run, self.arguments = network, run, run.arguments
        self.world = World.here()
        seed_everything(run.seed)
        network.train()
        if self.arguments.use_activation_checkpointing:
            network.activation_checkpointing_enable({"use_reentrant": False})
        loss: Any = run.loss
        if self.arguments.label_smoothing:
            loss = partial(loss, label_smoothing=self.arguments.label_smoothing)
        self.module = distributed_loss(network, loss, self.arguments.parallel, self.world)
        if self.arguments.use_compile:
            network.compile()
        self.optimizers = make_optimizers(network, self.arguments, run.lr_scale)
        self.precision = MixedPrecision(self.arguments.precision, network.device.type)
        self.validator = Validator(network, run)
        self.log = TrainingLog(dev_losses=self.validator.stopping.losses)
        self.step = 0
        self.began = time.monotonic()

    @property
    def done_share(self) -> float:
        """Share of the run that is done, by steps or by time, whichever is more."""
        limit = self.arguments.max_seconds
        by_clock = self.log.seconds / limit if limit else 0.0
        return max(self.step / self.arguments.num_steps, by_clock)

    @property
    def is_over(self) -> bool:
        return self.done_share >= 1 or self.validator.stopping.is_over

    def advance(self) -> None:
        """One step, and the evaluation and checkpoint that are due after it."""
        start = time.perf_counter()
        done = min(self.arguments.num_steps - 1, round(self.done_share * self.arguments.num_steps))
        rate = self.arguments.learning_rate * schedule_factor(self.arguments, done)
        set_learning_rates(self.optimizers, rate)
        loss = self._gradients()
        if self.run.on_loss is not None:
            self.run.on_loss(loss)
        self._refuse(loss_monitor.loss_fault(self.log.train_losses, loss, self.arguments.max_spike))
        norm = self.precision.step(self.network, self.optimizers, self.arguments.max_grad_norm)
        if norm is None and not self.precision.may_overflow:
            self._refuse("the gradient is not a number")
        self.step += 1
        self.log.train_losses.append(loss)
        # Read once a step, and one process's for all: they must come to the same end.
        self.log.seconds = self.world.as_main(time.monotonic() - self.began)
        seconds = time.perf_counter() - start
        values = {"loss": loss, "learning_rate": rate, "grad_norm": norm, "seconds": seconds}
        self.validator.note(self.step, **values)
        if self.step % self.arguments.eval_every == 0 or self.is_over:
            self.validator.evaluate(self.step, self.log.train_losses)
        if self.step % self.arguments.save_every == 0 or self.is_over:
            self._save()

    def _gradients(self) -> float:
        """The gradients of a step's loss, over all its passes and processes; the mean loss."""
        # A seed a step: dropout is the same after a resume, without keeping generators' states.
        torch.manual_seed(derive(self.run.seed, "step", self.step, self.world.rank))
        mine = self.run.source.passes(self.step, self.world.rank, self.world.size)
        passes = list(self.world.in_step(mine))
        (num_targets,) = self.world.total(sum(batch.num_targets for batch in passes))
        total = 0.0
        for number, batch in enumerate(passes, start=1):
            with keeping_gradients(self.module, number == len(passes)), self.precision.cast():
                loss = self.module(batch)
            # Processes average their gradients: the sum over all is wanted.
            self.precision.backward(loss * (self.world.size / max(1.0, num_targets)))
            total += float(loss.detach())
            spend(cost_of(self.network, batch, 6.0))
        (total,) = self.world.total(total)
        return total / max(1.0, num_targets)

    def _refuse(self, fault: str) -> None:
        if fault:
            batch = self.run.source.named(self.step)
            raise loss_monitor.stopped(fault, self.step, batch, is_saved=bool(self.run.checkpoints))

    def finish(self) -> None:
        """Leave the best weights on dev, frozen."""
        if self.run.source.has_dev:
            self.validator.stopping.restore()
        if self.arguments.use_activation_checkpointing:
            self.network.activation_checkpointing_disable()
        self.network.eval().requires_grad_(False)

    def resume(self) -> None:
        """Load the last checkpoint, if there is one."""
        checkpoints = self.run.checkpoints
        checkpoint = checkpoints.load(self.network, self.optimizers) if checkpoints else None
        if checkpoint is not None:
            rest = checkpoint.rest
            self.step, self.log.seconds = rest["step"], rest["seconds"]
            self.began -= self.log.seconds
            self.log.train_losses[:] = rest["train_losses"]
            self.validator.train_losses[:] = rest["looked_at"]
            self.validator.stopping.resume(rest["dev_losses"], checkpoint.best)
            self.precision.load(rest["precision"])
            fast_linear.choose_onednn(rest["uses_onednn"])
        self.validator.rewind(self.step if checkpoint else -1)

    def _save(self) -> None:
        if self.run.checkpoints is None:
            return
        rest = {
            "seconds": self.log.seconds,
            "train_losses": self.log.train_losses,
            "dev_losses": self.log.dev_losses,
            "looked_at": self.validator.train_losses,
            "precision": self.precision.state(),
            "uses_onednn": fast_linear.onednn_is_faster(),
        }
        best = self.validator.stopping.best()
        self.run.checkpoints.save(self.step, self.network, self.optimizers, rest, best)
