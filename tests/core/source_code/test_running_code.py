"""Digests are of the code that runs: taken once, and refused where a file changed under it."""

import os
import sys
import time
from types import ModuleType

import pytest

from acclimate.core.errors import ConfigError
from acclimate.core.source_code import running_code, source_file
from acclimate.core.source_code.running_code import RUNNING, RunningCode


@pytest.fixture
def package(tmp_path):
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "fast.py").write_text("RATE = 1")
    (folder / "late.py").write_text("RATE = 1")
    for path in folder.iterdir():
        os.utime(path, (1, 1))  # long before this process
    return folder


@pytest.fixture
def imported(monkeypatch):
    """Let a module be imported, as far as anybody can see."""

    def note(name):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))

    return note


def test_a_file_that_changes_after_its_import_keeps_its_digest(package, imported):
    imported("acclimate.fast")
    running = RunningCode(package)
    running.begin()
    before = running.digest("fast.py")
    (package / "fast.py").write_text("RATE = 2")
    running.require_unchanged()
    assert running.digest("fast.py") == before
    assert running.digest("late.py") == before  # the same text


def test_a_module_imported_after_its_file_changed_stops_the_work(package, imported):
    running = RunningCode(package)
    running.begin()
    (package / "late.py").write_text("RATE = 2")
    running.require_unchanged()  # nobody runs it yet
    imported("acclimate.late")
    with pytest.raises(ConfigError) as raised:
        running.require_unchanged()
    assert str(raised.value) == (
        "late.py: changed since this process began, so that it would run old and new code "
        "together; start it again"
    )


def test_one_imported_before_its_file_changed_does_not(package, imported):
    running = RunningCode(package)
    running.begin()
    imported("acclimate.late")
    running.require_unchanged()
    (package / "late.py").write_text("RATE = 2")
    running.require_unchanged()


def test_one_changed_between_its_import_and_the_first_look_stops_it_too(
    package, imported, monkeypatch
):
    imported("acclimate.fast")
    os.utime(package / "fast.py", (time.time() - 1, time.time() - 1))
    monkeypatch.setattr("psutil.Process.create_time", lambda _self: time.time() - 60)
    with pytest.raises(ConfigError, match=r"^fast\.py: changed since this process began"):
        RunningCode(package).begin()
    # A clock that is ahead of ours is no change.
    os.utime(package / "fast.py", (time.time() + 1e6, time.time() + 1e6))
    RunningCode(package).begin()


def test_the_first_look_is_at_all_files(package):
    running = RunningCode(package)
    running.digest("fast.py")
    before = running.digest("late.py")
    (package / "late.py").write_text("RATE = 3")
    assert running.digest("late.py") == before


def test_what_is_gone_has_no_digest(package, tmp_path):
    running = RunningCode(package)
    assert running.digest("none.py") == ""
    assert running.digest(str(tmp_path / "none.py")) == ""
    assert running.digest("no_such_plugin:none.py") == ""


def test_where_nothing_changed_no_file_is_parsed(monkeypatch):
    first = RunningCode()
    first.begin()
    first.remember()
    monkeypatch.setattr(source_file, "parse", lambda _source: pytest.fail("parsed again"))
    second = RunningCode()
    second.begin()
    assert second._files == first._files
    assert len(second._files) > 400


def test_this_package_is_looked_at_where_it_lies():
    assert RUNNING.digest("core/source_code/running_code.py")
    assert RUNNING.package("json") == {}
    assert running_code.PACKAGE == "acclimate"
