"""A folder is there whole or not at all."""

import errno
import os
import subprocess
import sys

import pytest

from acclimate.core.errors import ConfigError
from acclimate.core.storage.atomic import whole_folder


def write(folder, content):
    with whole_folder(folder, "mark") as aside:
        (aside / "mark").write_text("")
        (aside / "file").write_text(content)
        assert not (folder / "file").exists() or (folder / "file").read_text() != content


def test_it_is_made_with_its_parents_and_replaced(tmp_path):
    folder = tmp_path / "deep" / "folder"
    write(folder, "one")
    write(folder, "two")
    assert (folder / "file").read_text() == "two"
    assert [p.name for p in folder.parent.iterdir()] == ["folder"]


def fail(folder, error):
    with whole_folder(folder, "mark") as aside:
        (aside / "file").write_text("half")
        raise error


class KilledError(BaseException):
    """As an interrupt is: no Exception."""


def test_a_body_that_fails_changes_nothing(tmp_path):
    folder = tmp_path / "folder"
    write(folder, "one")
    with pytest.raises(KilledError):
        fail(folder, KilledError())
    assert (folder / "file").read_text() == "one"
    assert [p.name for p in tmp_path.iterdir() if p.name != "home"] == ["folder"]


def test_what_a_killed_process_left_is_removed(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    for pid in (gone.pid, os.getppid()):
        (tmp_path / f".folder.writing-{pid}-xyz").mkdir()
    write(tmp_path / "folder", "one")
    names = {p.name for p in tmp_path.iterdir()} - {"home"}
    assert names == {"folder", f".folder.writing-{os.getppid()}-xyz"}


def test_another_folder_is_not_replaced(tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("x")
    with pytest.raises(ConfigError, match=r"precious: holds something else \(there is no mark\)"):
        write(tmp_path / "precious", "one")
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="file: holds something else"):
        write(tmp_path / "file", "one")
    with pytest.raises(ConfigError, match="below: cannot be written"):
        write(tmp_path / "file" / "below", "one")
    (tmp_path / "empty").mkdir()
    write(tmp_path / "empty", "one")


def test_a_full_disk_is_one_sentence(tmp_path):
    folder = tmp_path / "folder"
    with pytest.raises(ConfigError) as raised:
        fail(folder, OSError(errno.ENOSPC, "No space left on device"))
    assert str(raised.value).startswith(f"{folder}: no room on the disk (")
    assert str(raised.value).endswith("or name a folder on another disk")
    assert not folder.exists()
    assert [p.name for p in tmp_path.iterdir() if p.name != "home"] == []
