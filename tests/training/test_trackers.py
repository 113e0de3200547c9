"""Trackers get every number once, through stand-ins for their libraries; and the real ones."""

import importlib.util
import sys
from types import ModuleType, SimpleNamespace

import pytest

from acclimate.core.errors import ConfigError, MissingExtraError, UnknownNameError
from acclimate.training.run_log import RunLog


@pytest.fixture
def calls(monkeypatch):
    """What the stand-ins were asked, in order."""
    found = []

    def stand_in(name, *functions):
        module = ModuleType(name)
        for function in functions:
            told = lambda *a, f=function, **k: found.append((f, *a, k))  # noqa: E731
            setattr(module, function, told)
        monkeypatch.setitem(sys.modules, name, module)

    stand_in("mlflow", "set_experiment", "start_run", "log_metrics", "end_run")
    stand_in("trackio", "init", "log", "finish")
    writer = SimpleNamespace(
        add_scalar=lambda *a: found.append(("add_scalar", *a)),
        close=lambda: found.append(("close",)),
    )
    module = ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = lambda folder: found.append(("writer", folder)) or writer
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    return found


def logged(folder, name):
    journal = RunLog(folder, [name])
    journal.log(3, loss=1.5, grad_norm=None)
    journal.close()


def test_tensorboard(calls, tmp_path):
    logged(tmp_path, "tensorboard")
    assert calls == [
        ("writer", str(tmp_path / "tensorboard")),
        ("add_scalar", "loss", 1.5, 3),
        ("close",),
    ]


def test_mlflow(calls, tmp_path):
    logged(tmp_path, "mlflow")
    assert calls == [
        ("set_experiment", "acclimate", {}),
        ("start_run", {"run_name": tmp_path.name}),
        ("log_metrics", {"loss": 1.5}, {"step": 3}),
        ("end_run", {}),
    ]


def test_trackio(calls, tmp_path):
    logged(tmp_path, "trackio")
    assert calls == [
        ("init", {"project": "acclimate", "name": tmp_path.name, "resume": "allow"}),
        ("log", {"loss": 1.5}, {"step": 3}),
        ("finish", {}),
    ]


@pytest.mark.parametrize(
    ("name", "error", "mend"),
    [
        ("tensorboard", MissingExtraError, r"tensorboard needs .*acclimate\[track\]"),
        ("trackio", MissingExtraError, r"trackio needs 'trackio'.*acclimate\[track\]"),
        ("mlflow", ConfigError, "pip install mlflow"),
    ],
)
def test_what_is_not_installed_is_named(monkeypatch, tmp_path, name, error, mend):
    for module in ("tensorboard", "torch.utils.tensorboard", "trackio", "mlflow"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(error, match=mend):
        RunLog(tmp_path, [name])


def test_an_unknown_one(tmp_path):
    with pytest.raises(UnknownNameError, match="did you mean tensorboard"):
        RunLog(tmp_path, ["tensorbord"])


@pytest.mark.skipif(not importlib.util.find_spec("tensorboard"), reason="needs tensorboard")
def test_tensorboard_reads_it_back(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logged(tmp_path, "tensorboard")
    read = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [(e.step, e.value) for e in read.Scalars("loss")] == [(3, 1.5)]


@pytest.mark.skipif(not importlib.util.find_spec("trackio"), reason="needs trackio")
def test_trackio_keeps_it_and_is_silent(tmp_path, monkeypatch, capsys):
    import sqlite3

    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    logged(tmp_path, "trackio")
    assert capsys.readouterr().out == ""
    with sqlite3.connect(tmp_path / "trackio" / "acclimate.db") as database:
        (row,) = database.execute("SELECT step, metrics FROM metrics").fetchall()
    assert row[0] == 3
    assert "1.5" in str(row[1])
