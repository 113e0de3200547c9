"""The one training loop: clipped, watched, stopped early, resumed after a kill."""

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
from acclimate.training.optim import optimizers, schedule_factor, set_rates
from acclimate.training.run import Run, TrainingLog, cost_of
from acclimate.training.validation import Validator


def train(network: Any, run: Run) -> TrainingLog:
    """Train, in place, the parameters that require a gradient; leaves the best on dev, frozen.

    Raises:
        BackendError: The loss is not a number, or leaps; the step and its batch are named, and the
            last checkpoint is intact.
    """
    training = _Training(network, run)
    training.resume()
    try:
        with progress("training", run.plan.num_steps) as advance:
            advance(training.step)
            if training.step == 0:
                training.looks.evaluate(0, ())
            while not training.is_over:
                training.advance()
                advance(1)
    finally:
        training.looks.close()
    training.finish()
    return training.log


class _Training:
    """A run under way."""

    def __init__(self, network: Any, run: Run) -> None:
        self.network, self.run, self.plan = network, run, run.plan
        self.world = World.here()
        seed_everything(run.seed)
        network.train()
        if self.plan.use_activation_checkpointing:
            network.activation_checkpointing_enable({"use_reentrant": False})
        loss: Any = run.loss
        if self.plan.label_smoothing:
            loss = partial(loss, label_smoothing=self.plan.label_smoothing)
        self.module = distributed_loss(network, loss, self.plan.parallel, self.world)
        if self.plan.use_compile:
            network.compile()
        self.optimizers = optimizers(network, self.plan, run.share)
        self.precision = MixedPrecision(self.plan.precision, network.device.type)
        self.looks = Validator(network, run)
        self.log = TrainingLog(dev_losses=self.looks.stopping.losses)
        self.step = 0
        self.began = time.monotonic()

    @property
    def done_share(self) -> float:
        """On a slow machine the clock, not the count of steps, says how far the run is."""
        limit = self.plan.max_seconds
        by_clock = self.log.seconds / limit if limit else 0.0
        return max(self.step / self.plan.num_steps, by_clock)

    @property
    def is_over(self) -> bool:
        return self.done_share >= 1 or self.looks.stopping.is_over

    def advance(self) -> None:
        """One step, and what is due after it."""
        start = time.perf_counter()
        done = min(self.plan.num_steps - 1, round(self.done_share * self.plan.num_steps))
        rate = self.plan.learning_rate * schedule_factor(self.plan, done)
        set_rates(self.optimizers, rate)
        loss = self._gradients()
        if self.run.on_loss is not None:
            self.run.on_loss(loss)
        self._refuse(loss_monitor.loss_fault(self.log.train_losses, loss, self.plan.max_spike))
        norm = self.precision.step(self.network, self.optimizers, self.plan.max_grad_norm)
        if norm is None and not self.precision.may_overflow:
            self._refuse("the gradient is not a number")
        self.step += 1
        self.log.train_losses.append(loss)
        # Read once a step, and one process's for all: they must come to the same end.
        self.log.seconds = self.world.as_main(time.monotonic() - self.began)
        seconds = time.perf_counter() - start
        told = {"loss": loss, "learning_rate": rate, "grad_norm": norm, "seconds": seconds}
        self.looks.note(self.step, **told)
        if self.step % self.plan.look_every == 0 or self.is_over:
            self.looks.evaluate(self.step, self.log.train_losses)
        if self.step % self.plan.save_every == 0 or self.is_over:
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
            self.looks.stopping.restore()
        if self.plan.use_activation_checkpointing:
            self.network.activation_checkpointing_disable()
        self.network.eval().requires_grad_(False)

    def resume(self) -> None:
        """Go on from the last checkpoint, if there is one."""
        saved = self.run.checkpoints
        found = saved.load(self.network, self.optimizers) if saved else None
        if found is not None:
            rest = found.rest
            self.step, self.log.seconds = rest["step"], rest["seconds"]
            self.began -= self.log.seconds
            self.log.train_losses[:] = rest["train_losses"]
            self.looks.train_losses[:] = rest["looked_at"]
            self.looks.stopping.resume(rest["dev_losses"], found.best)
            self.precision.load(rest["precision"])
            fast_linear.choose_onednn(rest["uses_onednn"])
        self.looks.rewind(self.step if found else -1)

    def _save(self) -> None:
        if self.run.checkpoints is None:
            return
        rest = {
            "seconds": self.log.seconds,
            "train_losses": self.log.train_losses,
            "dev_losses": self.log.dev_losses,
            "looked_at": self.looks.train_losses,
            "precision": self.precision.state(),
            "uses_onednn": fast_linear.onednn_is_faster(),
        }
        best = self.looks.stopping.best()
        self.run.checkpoints.save(self.step, self.network, self.optimizers, rest, best)
