"""The store: whole or absent, checked by hash, one sentence when the disk is full."""

import errno
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from acclimate.core.errors import ConfigError
from acclimate.core.home import home
from acclimate.core.provenance import Trace
from acclimate.core.storage.artifact_store import Store

KEY = "ab" + "0" * 62


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def put(store, text="content", **about):
    with store.put(KEY, about, Trace(__name__)) as folder:
        (folder / "deep").mkdir()
        (folder / "deep" / "file.bin").write_text(text)
    return store.get(KEY)


def everything(store):
    return [p for p in store.root.rglob("*") if p.is_file()] if store.root.exists() else []


def test_what_is_put_is_got(store):
    assert store.get(KEY) is None
    folder = put(store, made="today")
    assert (folder / "deep" / "file.bin").read_text() == "content"
    assert store.about(KEY) == {"made": "today"}
    store.remove(KEY)
    assert store.get(KEY) is None


def test_the_body_may_add_to_what_is_noted(store):
    about = {"a": 1}
    with store.put(KEY, about, Trace(__name__)):
        about["cost"] = 2
    assert store.about(KEY) == {"a": 1, "cost": 2}


def damage(folder, how):
    path = folder / "deep" / "file.bin"
    if how == "flipped":
        content = bytearray(path.read_bytes())
        content[3] ^= 1
        path.write_bytes(content)
    elif how == "cut":
        path.write_bytes(path.read_bytes()[:-1])
    elif how == "gone":
        path.unlink()
    else:
        (folder / "artifact.json").write_text("{" if how == "note" else '{"about": {}}')


@pytest.mark.parametrize("how", ["flipped", "cut", "gone", "note", "no hashes"])
def test_a_damaged_folder_is_found_and_removed(store, how):
    folder = put(store)
    damage(folder, how)
    assert store.get(KEY) is None
    assert not folder.exists()
    assert put(store) == folder


def test_a_lock_that_a_killed_reader_left_is_no_damage(store):
    folder = put(store)
    (folder / "deep" / ".reader.lock").write_text("")
    assert store.get(KEY) == folder


class Killed(BaseException):
    """As an interrupt is: no Exception."""


@pytest.mark.parametrize("kind", [Killed, ValueError, OSError])
def test_a_writer_that_stops_leaves_nothing(store, kind):
    def write():
        with store.put(KEY, {}, Trace(__name__)) as folder:
            (folder / "half.bin").write_text("half")
            raise kind

    with pytest.raises(kind):
        write()
    assert store.get(KEY) is None
    assert everything(store) == []


def test_what_is_being_written_is_not_seen(store):
    with store.put(KEY, {}, Trace(__name__)) as folder:
        (folder / "file").write_text("x")
        assert store.get(KEY) is None
        assert folder.exists()
    assert store.get(KEY) is not None


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_no_room_is_one_sentence(store, monkeypatch, code):
    def full(self, *args, **kwargs):
        raise OSError(code, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(ConfigError) as raised:
        put(store)
    monkeypatch.undo()
    message = str(raised.value)
    assert message.startswith(f"{store.root}: no room on the disk (")
    assert message.endswith("free some, or set ACCLIMATE_HOME to a folder on another disk")
    assert everything(store) == []


def test_another_fault_of_the_disk_rises_as_it_is(store):
    with pytest.raises(PermissionError), store.put(KEY, {}, Trace(__name__)):
        raise PermissionError(errno.EACCES, "no")


def test_of_two_writers_one_is_kept(store):
    with store.put(KEY, {}, Trace(__name__)) as one, store.put(KEY, {}, Trace(__name__)) as other:
        assert one != other
        (one / "file").write_text("same")
        (other / "file").write_text("same")
    assert (store.get(KEY) / "file").read_text() == "same"
    assert [p.name for p in store.root.glob(".writing-*")] == []


def test_many_writers_at_once(store):
    def write(number):
        with store.put(KEY, {"by": number}, Trace(__name__)) as folder:
            (folder / "file").write_text("same" * 1000)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(16)))
    assert (store.get(KEY) / "file").read_text() == "same" * 1000


def test_home_is_told_by_the_environment(monkeypatch, tmp_path):
    assert home() == tmp_path / "home"
    monkeypatch.setenv("ACCLIMATE_HOME", "~/elsewhere")
    assert home() == Path.home() / "elsewhere"
    monkeypatch.delenv("ACCLIMATE_HOME")
    assert home() == Path.home() / ".cache" / "acclimate"


def test_moved_to_another_disk_it_still_holds(store, tmp_path):
    put(store)
    shutil.move(store.root, tmp_path / "moved")
    assert Store(tmp_path / "moved").get(KEY) is not None


def killed_writer(store):
    """Begin to write in another process, and kill it there."""
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from acclimate.core.storage.artifact_store import Store\n"
        "from acclimate.core.provenance import Trace\n"
        f"with Store(Path(sys.argv[1])).put({KEY!r}, {{}}, Trace()) as folder:\n"
        "    (folder / 'half').write_text('x'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(store.root)], check=False)


def test_what_a_killed_writer_left_is_swept_by_the_next_one(store):
    killed_writer(store)
    assert [p.name for p in everything(store)] == ["half"]
    with store.put("cd" + "0" * 62, {}, Trace(__name__)) as mine:
        (mine / "going on").write_text("x")
        assert put(store)
        assert (mine / "going on").exists()
    assert {p.name for p in everything(store)} == {"file.bin", "going on", "artifact.json"}
