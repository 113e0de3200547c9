"""kill -9 in mid-step and mid-checkpoint: what follows equals a run that nobody killed."""

import multiprocessing
import signal

import pytest
from safetensors.torch import load_file

from small_training import lines, steps_done, train_in

PRELOADED = ["acclimate.training.trainer", "acclimate.nn.architectures.build", "transformers",
             "torch.utils.checkpoint"]  # fmt: skip
"""Imported once in the server that the doomed processes are forked from."""

RUNS = {
    "adamw": {"plan": {"save_every_steps": 4}},
    "muon, dropout, fp16": {
        "plan": {"save_every_steps": 4, "optimizer": "muon", "precision": "fp16"},
        "model": {"dropout": 0.2},
    },
    "qwen, untied, smoothed": {
        "plan": {"save_every_steps": 4, "label_smoothing": 0.1, "schedule": "wsd"},
        "model": {"family": "qwen3", "is_tied": False, "dropout": 0.2},
    },
}


@pytest.fixture(scope="module")
def trained():
    """Train in a process of its own; its exit code."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)

    def run(**told):
        process = context.Process(target=train_in, args=(told,))
        process.start()
        process.join()
        return process.exitcode

    return run


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_the_curve_and_the_weights_are_those_of_an_undisturbed_run(trained, tmp_path, name):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert trained(out=str(whole), **RUNS[name]) == 0
    # Before the first checkpoint, in a step after one, and in a checkpoint: its middle, its end.
    deaths = [2, 7, 13, [16, "optimizer.safetensors"], [28, "best.safetensors"]]
    for die in deaths:
        assert trained(out=str(killed), die=die, **RUNS[name]) == -signal.SIGKILL
        assert steps_done(killed) == (die if isinstance(die, int) else die[0])
    assert trained(out=str(killed), **RUNS[name]) == 0
    assert lines(killed) == lines(whole)
    assert [line["step"] for line in lines(killed) if "dev_loss" in line] == [0, 10, 20, 30]
    final, expected = (load_file(out / "final.safetensors") for out in (killed, whole))
    assert final.keys() == expected.keys()
    assert all(final[name].equal(expected[name]) for name in final)
    left = {path.name for path in (killed / "checkpoints").iterdir()}
    assert left == {"step-000000028", "step-000000030"}
