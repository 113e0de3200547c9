"""The journal: a line of JSON a step, rewound to the checkpoint that a run goes on from."""

import errno
import json
from pathlib import Path
from unittest.mock import patch

import pytest

from acclimate.core.errors import ConfigError
from acclimate.training.run_log import RunLog


def steps(folder):
    return [
        json.loads(line)["step"] for line in (folder / "journal.jsonl").read_text().splitlines()
    ]


def test_a_line_each(tmp_path):
    journal = RunLog(tmp_path / "new")
    journal.log(0, dev_loss=2.5)
    journal.log(1, loss=2.25, grad_norm=None)
    lines = (tmp_path / "new" / "journal.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"step": 0, "dev_loss": 2.5},
        {"step": 1, "loss": 2.25, "grad_norm": None},
    ]


@pytest.mark.parametrize(
    ("step", "left"), [(-1, []), (0, [0]), (2, [0, 1, 2, 2]), (9, [0, 1, 2, 2, 3])]
)
def test_rewinding_forgets_what_came_after(tmp_path, step, left):
    journal = RunLog(tmp_path)
    for number in (0, 1, 2, 2, 3):
        journal.log(number, loss=1.0)
    journal.rewind(step)
    assert steps(tmp_path) == left
    journal.log(7, loss=1.0)
    assert steps(tmp_path) == [*left, 7]


@pytest.mark.parametrize("torn", ['{"step": 2, "lo', "\x00\x00", '{"step": 2, "é'])
def test_half_a_line_is_forgotten(tmp_path, torn):
    journal = RunLog(tmp_path)
    journal.log(1, loss=1.0)
    with journal.path.open("ab") as file:
        file.write(torn.encode()[:-1] if torn.endswith("é") else torn.encode())
    journal.rewind(5)
    assert steps(tmp_path) == [1]


def test_there_is_nothing_to_rewind_at_first(tmp_path):
    RunLog(tmp_path / "new").rewind(3)
    assert not (tmp_path / "new").exists()


def test_a_full_disk_is_said(tmp_path):
    full = OSError(errno.ENOSPC, "No space left on device")
    with (
        patch.object(Path, "open", side_effect=full),
        pytest.raises(ConfigError, match="no room on the disk"),
    ):
        RunLog(tmp_path).log(1, loss=1.0)
