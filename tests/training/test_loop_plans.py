"""Each setting of a plan does to the loop what it says."""

import contextlib
import json
import math
import time
from dataclasses import replace

import pytest
import torch

from acclimate.core.errors import BackendError
from acclimate.nn import fast_linear as linear
from acclimate.training import trainer as loop
from acclimate.training.checkpoint import Checkpoints
from acclimate.training.losses import next_token_loss
from acclimate.training.optim import schedule_factor
from acclimate.training.run_log import RunLog
from acclimate.training.trainer import train
from small_training import small_network, small_run, small_source


def losses(model=None, **plan):
    return train(small_network(**(model or {})), small_run(plan=plan)).train_losses


def journal(folder):
    return [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]


def test_looks_rates_and_checkpoints_come_when_they_are_due(tmp_path):
    run = small_run(
        plan={"num_steps": 25, "save_every_steps": 12, "schedule": "wsd"},
        checkpoints=Checkpoints(tmp_path / "saved"),
        run_log=RunLog(tmp_path),
    )
    log = train(small_network(), run)
    told = journal(tmp_path)
    looks = [line for line in told if "dev_loss" in line]
    assert [line["step"] for line in looks] == [0, 10, 20, 25]
    assert [line["dev_loss"] for line in looks] == log.dev_losses
    steps = [line for line in told if "loss" in line]
    assert [line["step"] for line in steps] == list(range(1, 26))
    assert [line["loss"] for line in steps] == log.train_losses
    rates = [1e-2 * schedule_factor(run.arguments, step) for step in range(25)]
    assert [line["learning_rate"] for line in steps] == pytest.approx(rates)
    assert sorted(p.name for p in (tmp_path / "saved").iterdir()) == [
        "step-000000024", "step-000000025"
    ]  # fmt: skip
    assert log.train_losses[-1] < log.train_losses[0] - 0.3


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_formats_learn_as_full_ones(precision):
    full, half = losses(), losses(precision=precision)
    assert half == pytest.approx(full, rel=0.02)
    assert half != full


def test_activation_checkpointing_changes_nothing_but_memory():
    assert losses(use_activation_checkpointing=True) == pytest.approx(losses(), abs=1e-5)


def test_after_it_activations_are_kept_again():
    network = small_network()
    train(network, small_run(plan={"num_steps": 1, "use_activation_checkpointing": True}))
    assert not network.is_activation_checkpointing


@pytest.mark.slow
def test_a_compiled_network_learns_the_same_and_is_compiled_once():
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    assert losses(use_compile=True) == pytest.approx(losses(), abs=1e-4)
    # One graph to train on, one to look with, each at most once more for shapes that vary.
    assert 1 <= torch._dynamo.utils.counters["stats"]["unique_graphs"] <= 4


def test_smoothing_is_of_training_alone():
    source = small_source(batch_size=2)  # a pass a step
    (batch,) = source.passes(0, 0, 1)
    logits = small_network()(**batch.inputs).logits.flatten(0, 1)
    looked = []
    for share in (0.0, 0.2):
        expected = torch.nn.functional.cross_entropy(
            logits, batch.labels.flatten(), label_smoothing=share
        )
        plan = {"num_steps": 1, "label_smoothing": share}
        log = train(small_network(), small_run(source=source, plan=plan))
        assert log.train_losses[0] == pytest.approx(expected.item(), rel=1e-5)
        looked.append(log.dev_losses[0])
    assert looked[0] == looked[1]


def test_a_loss_of_ones_own_is_smoothed_by_its_own_rule():
    told = []

    def loss(network, batch, *, label_smoothing=0.0):
        told.append(label_smoothing)
        return next_token_loss(network, batch)

    train(small_network(), small_run(loss=loss, plan={"num_steps": 1, "label_smoothing": 0.3}))
    assert set(told) == {0.0, 0.3}  # on dev, and in training


def test_a_gradient_that_is_no_number_stops_before_the_weights_are_touched(tmp_path):
    class Poison(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, grad):
            return grad * math.nan

    poisoned = 7
    network = small_network()

    def loss(network, batch):
        whole = next_token_loss(network, batch)
        return Poison.apply(whole) if len(log) == poisoned and whole.requires_grad else whole

    log = []
    run = small_run(
        loss=loss, on_loss=log.append, plan={"save_every_steps": 5},
        checkpoints=Checkpoints(tmp_path),
    )  # fmt: skip
    with pytest.raises(BackendError, match="the gradient is not a number at step 7") as told:
        train(network, run)
    assert "rows at tokens" in str(told.value)
    assert str(told.value).endswith("; the last checkpoint is intact")
    assert all(weight.isfinite().all() for weight in network.parameters())
    assert [path.name for path in tmp_path.iterdir()] == ["step-000000005"]


def test_a_spike_stops_with_its_batch_named_before_the_weights_are_touched():
    def loss(network, batch):
        return next_token_loss(network, batch) * (10 if len(log) == 60 else 1)

    log, plan, undisturbed = [], {"num_steps": 80}, small_network()
    network, kept, seen = small_network(), [], []

    def keep(loss):
        if len(seen) == 60:
            kept.extend(weight.detach().clone() for weight in undisturbed.parameters())
        seen.append(loss)

    with pytest.raises(BackendError, match=r"times the median before it at step 60 \(rows at"):
        train(network, small_run(loss=loss, on_loss=log.append, plan=plan))
    assert len(log) == 61
    train(undisturbed, small_run(plan=plan, on_loss=keep))
    assert all(torch.equal(p, q) for p, q in zip(network.parameters(), kept, strict=True))


def test_the_clock_ends_a_run_and_brings_its_rate_down(tmp_path, monkeypatch):
    ticks = iter(range(10**6))
    monkeypatch.setattr(loop.time, "monotonic", lambda: float(next(ticks)))
    run = small_run(
        plan={"num_steps": 1000, "max_seconds": 20, "schedule": "linear", "final_share": 0},
        checkpoints=Checkpoints(tmp_path / "saved"),
        run_log=RunLog(tmp_path),
    )
    log = train(small_network(), run)
    steps = [line for line in journal(tmp_path) if "loss" in line]
    assert len(steps) == len(log.train_losses) == 20  # a tick a step
    assert log.seconds == 20
    assert steps[-1]["learning_rate"] == pytest.approx(1e-2 / 20, rel=0.1)
    assert journal(tmp_path)[-1].keys() >= {"dev_loss"}
    assert (tmp_path / "saved" / "step-000000020").is_dir()
    # It is over, also for one who comes again.
    again = train(small_network(), replace(run, run_log=None))
    assert (again.train_losses, again.seconds) == (log.train_losses, 20)


class StopError(Exception):
    """The run was to stop here."""


def cut_and_gone_on_with(folder, at, **plan):
    """A run that was left in step `at`, and went on; its log, and its last checkpoint's state."""
    steps = []

    def stop(loss):
        if len(steps) == at:
            raise StopError
        steps.append(loss)

    run = small_run(plan=plan, checkpoints=Checkpoints(folder))
    with contextlib.suppress(StopError):
        train(small_network(), replace(run, on_loss=stop))
    log = train(small_network(), run)
    return log, json.loads((max(folder.glob("step-*")) / "state.json").read_text())


def test_the_clock_goes_on_where_it_was(tmp_path, monkeypatch):
    ticks = iter(range(10**6))
    monkeypatch.setattr(loop.time, "monotonic", lambda: float(next(ticks)))
    plan = {"num_steps": 1000, "max_seconds": 20, "save_every_steps": 5}
    log, _ = cut_and_gone_on_with(tmp_path, 8, **plan)
    assert (len(log.train_losses), log.seconds) == (20, 20)


def test_all_state_is_that_of_an_undisturbed_run(tmp_path):
    plan = {"precision": "fp16", "save_every_steps": 10}
    train(small_network(), small_run(plan=plan, checkpoints=Checkpoints(tmp_path / "whole")))
    whole = json.loads((tmp_path / "whole" / "step-000000030" / "state.json").read_text())
    _, gone_on = cut_and_gone_on_with(tmp_path / "cut", 25, **plan)
    assert whole["precision"]["_growth_tracker"] == 30
    assert len(whole["looked_at"]) == 4
    times = {"seconds": 0}
    assert {**gone_on, **times} == {**whole, **times}


def test_time_that_is_spent_before_the_first_step_still_allows_one(monkeypatch):
    monkeypatch.setattr(loop.time, "monotonic", lambda: next(hours) * 3600.0)
    hours = iter(range(10))
    log = train(small_network(), small_run(plan={"max_seconds": 1}))
    assert len(log.train_losses) == 1
    assert len(log.dev_losses) == 2


def test_one_that_ended_early_has_ended(tmp_path):
    flat = small_source(dev=small_source(seed=1).train)
    plan = {"patience": 1, "learning_rate": 10.0, "num_steps": 100, "max_spike": 1e9}
    run = small_run(source=flat, plan=plan, checkpoints=Checkpoints(tmp_path))
    network, again = small_network(), small_network()
    log = train(network, run)
    assert len(log.train_losses) == 10  # nothing is better than the first look
    assert train(again, run) == log
    first = small_network().state_dict()
    for one in (network, again):
        assert all(torch.equal(p, first[name]) for name, p in one.state_dict().items())


def test_the_journal_of_a_run_without_a_checkpoint_begins_anew(tmp_path):
    for _ in range(2):
        train(small_network(), small_run(run_log=RunLog(tmp_path), plan={"num_steps": 2}))
    assert [line["step"] for line in journal(tmp_path)] == [0, 1, 2, 2]


def test_a_run_that_goes_on_rounds_as_it_did_before(tmp_path, monkeypatch):
    if not torch.backends.mkldnn.is_available():
        pytest.skip("this build of PyTorch has no oneDNN")
    monkeypatch.setattr(linear, "_chosen", [])
    for chosen in (True, False):
        saved = tmp_path / str(chosen)
        run = small_run(
            checkpoints=Checkpoints(saved), plan={"num_steps": 2, "eval_every_steps": 1}
        )
        linear.choose_onednn(chosen)
        train(small_network(), run)
        linear.choose_onednn(not chosen)
        train(small_network(), run)
        assert linear.onednn_is_faster() is chosen


def test_dropout_draws_are_the_steps_own():
    """Whatever was drawn before: looks, samples, a resume."""
    dropped = {"dropout": 0.3}
    quiet = train(small_network(**dropped), small_run())
    noisy = train(small_network(**dropped), small_run(sample=lambda _: str(torch.randn(3))))
    assert quiet.train_losses == noisy.train_losses
    assert quiet.train_losses != losses()


def test_trackers_are_closed_whatever_happens(tmp_path):
    class Closing(RunLog):
        closed = 0

        def close(self):
            self.closed += 1

    sound, broken = Closing(tmp_path / "a"), Closing(tmp_path / "b")
    train(small_network(), small_run(run_log=sound, plan={"num_steps": 1}))
    network = small_network()
    torch.nn.init.constant_(network.get_input_embeddings().weight, math.nan)
    with pytest.raises(BackendError):
        train(network, small_run(run_log=broken))
    assert (sound.closed, broken.closed) == (1, 1)


def test_steps_are_timed(tmp_path):
    start = time.perf_counter()
    train(small_network(), small_run(run_log=RunLog(tmp_path), plan={"num_steps": 3}))
    seconds = [line["seconds"] for line in journal(tmp_path) if "seconds" in line]
    assert 0 < sum(seconds) < time.perf_counter() - start
