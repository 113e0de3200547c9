"""Two processes under torchrun learn what one learns, and their checkpoints are each other's."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

import small_training
from small_training import lines, train_in

pytestmark = pytest.mark.slow
TESTS = Path(small_training.__file__).parent

RUNS = {
    "ddp": {"plan": {"parallel": "ddp"}},
    "fsdp": {"plan": {"parallel": "fsdp"}},
    # Shares that differ: three passes of one process and two of the other.
    "uneven": {"plan": {"parallel": "fsdp"}, "source": {"batch_size": 5, "micro_batch_size": 1}},
    "ddp, one row": {"plan": {"parallel": "ddp"}, "source": {"batch_size": 1}},
    "fsdp, one row": {"plan": {"parallel": "fsdp"}, "source": {"batch_size": 1}},
    "checkpointed": {"plan": {"parallel": "fsdp", "use_activation_checkpointing": True}},
    "untied": {"plan": {"parallel": "fsdp"}, "model": {"is_tied": False, "family": "qwen3"}},
}
NAMES = ("loss", "dev_loss", "learning_rate")


def torchrun(num_processes, *runs):
    """Train in so many processes, one run after the other."""
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
        *("--nproc-per-node", str(num_processes), str(TESTS / "small_training.py")),
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(TESTS)}
    done = subprocess.run(
        [*command, json.dumps(runs)], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr[-5000:]


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """The folder of each run in two processes; `half` was left after 25 of 30 steps."""
    folder = tmp_path_factory.mktemp("together")
    half = {**RUNS["fsdp"], "out": str(folder / "half"), "stop": 25}
    torchrun(2, *({**told, "out": str(folder / name)} for name, told in RUNS.items()), half)
    return folder


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The folder of a run in this process."""
    folder = tmp_path_factory.mktemp("alone")

    def of(name, **more):
        out = folder / name
        if not out.exists():
            train_in({**RUNS[name], "out": str(out), **more})
        return out

    return of


def assert_same_curve(found, expected):
    """Equal in every step and look to 1e-5 nats."""
    for line, other in zip(lines(found), lines(expected), strict=True):
        named = [{n: row[n] for n in NAMES if n in row} for row in (line, other)]
        assert line["step"] == other["step"]
        assert named[0] == pytest.approx(named[1], abs=1e-5, rel=0)
        if "grad_norm" in line:
            assert line["grad_norm"] == pytest.approx(other["grad_norm"], rel=1e-3)


def assert_same_tensors(found, expected):
    one, other = load_file(found), load_file(expected)
    assert {n: t.shape for n, t in one.items()} == {n: t.shape for n, t in other.items()}
    for name, tensor in one.items():
        assert tensor.allclose(other[name], atol=1e-3, rtol=1e-3), name


@pytest.mark.parametrize("name", RUNS)
def test_the_curve_is_that_of_one_process(together, alone, name):
    assert_same_curve(together / name, alone(name))
    assert_same_tensors(together / name / "final.safetensors", alone(name) / "final.safetensors")


@pytest.mark.parametrize("file", ["model.safetensors", "optimizer.safetensors", "best.safetensors"])
def test_cut_weights_are_saved_whole(together, alone, file):
    place = Path("checkpoints") / "step-000000030" / file
    assert_same_tensors(together / "fsdp" / place, alone("fsdp") / place)


def test_what_two_began_one_ends(together, alone):
    train_in({**RUNS["fsdp"], "out": str(together / "half")})
    assert_same_curve(together / "half", alone("fsdp"))


def test_what_one_began_two_end(alone, tmp_path):
    half = {**RUNS["fsdp"], "out": str(tmp_path / "half")}
    train_in({**half, "stop": 25})
    torchrun(2, half)
    assert_same_curve(tmp_path / "half", alone("fsdp"))
