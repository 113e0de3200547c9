"""Answers on disk: bounded, shared, forgotten by age and use, and never in the way."""

import sqlite3
import subprocess
import sys
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acclimate.core.runtime.progress import report_progress_to
from acclimate.response_cache.sqlite_store import TOUCH_SECONDS, AnswerStore, CachedAnswer

ALWAYS = 1e9


class Clock:
    """Time that passes when it is told to."""

    now = 1000.0

    def __call__(self):
        return self.now


def kept(key, answer=b"a", scope=b"", vector=b"", model="m"):
    return CachedAnswer(key, model, scope, vector, answer)


@pytest.fixture
def clock():
    """A clock that stands still."""
    return Clock()


def test_gives_what_it_was_given(tmp_path):
    store = AnswerStore(tmp_path / "a" / "store", 1000)
    store.put([kept(b"1", b"one"), kept(b"2", b"\x00\xff two")])
    assert [store.get(k, ALWAYS) for k in (b"1", b"2", b"3")] == [b"one", b"\x00\xff two", None]
    store.put([kept(b"1", b"other")])
    assert store.get(b"1", ALWAYS) == b"other"
    # Another process, or the next one, sees the same.
    assert AnswerStore(tmp_path / "a" / "store", 1000).get(b"2", ALWAYS) == b"\x00\xff two"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 30)), max_size=20),
    st.integers(0, 80),
)
def test_least_recently_used_goes_first(tmp_path_factory, puts, max_bytes):
    clock = Clock()
    store = AnswerStore(tmp_path_factory.mktemp("store") / "s", max_bytes, clock)
    model = {}  # key → size, longest unused first
    for number, length in puts:
        clock.now += 2 * TOUCH_SECONDS
        one = kept(bytes([number]), b"x" * length)
        if number % 2 and bytes([number]) in model:
            assert store.get(bytes([number]), ALWAYS) is not None
            model[bytes([number])] = model.pop(bytes([number]))
            continue
        store.put([one])
        if one.num_bytes <= max_bytes:
            model.pop(one.key, None)
            model[one.key] = one.num_bytes
        while sum(model.values()) > max_bytes:
            model.pop(next(iter(model)))
        assert store.num_bytes == sum(model.values()) <= max_bytes
    held = {bytes([n]) for n in range(7) if store.get(bytes([n]), ALWAYS) is not None}
    assert held == set(model)


def test_a_smaller_bound_holds_from_the_beginning(tmp_path):
    AnswerStore(tmp_path / "s", 1000).put([kept(b"1"), kept(b"2")])
    store = AnswerStore(tmp_path / "s", kept(b"1").num_bytes)
    assert store.num_bytes == kept(b"1").num_bytes
    assert store.get(b"2", ALWAYS) == b"a"


def test_old_answers_are_gone(tmp_path, clock):
    store = AnswerStore(tmp_path / "s", 1000, clock)
    store.put([kept(b"1")])
    clock.now += 9
    assert store.get(b"1", 10.0) == b"a"
    clock.now += 2
    assert store.get(b"1", 10.0) is None
    assert store.num_bytes == 0


def test_a_hit_writes_seldom(tmp_path, clock):
    store = AnswerStore(tmp_path / "s", 1000, clock)
    store.put([kept(b"1")])
    before = store._db.total_changes
    for _ in range(5):
        store.get(b"1", ALWAYS)
    assert store._db.total_changes == before
    clock.now += TOUCH_SECONDS + 1
    store.get(b"1", ALWAYS)
    assert store._db.total_changes == before + 1


def test_vectors_come_once_and_never_under_a_row_of_before(tmp_path):
    store = AnswerStore(tmp_path / "s", 45)
    store.put([kept(b"1", scope=b"s", vector=b"v1"), kept(b"2", scope=b"t", vector=b"v2")])
    store.put([kept(b"3", scope=b"s"), kept(b"4", scope=b"s", vector=b"v4")])
    found = store.vectors(b"s", 0)
    assert [(key, vector) for _, key, vector in found] == [(b"1", b"v1"), (b"4", b"v4")]
    last = found[-1][0]
    # What makes room for it was the last row.
    store.put([kept(b"4", answer=b"new", scope=b"s", vector=b"v4")])
    assert [key for _, key, _ in store.vectors(b"s", last)] == [b"4"]


def test_a_damaged_file_is_begun_anew(tmp_path):
    (tmp_path / "s").write_bytes(b"no database at all, whatever it is" * 100)
    store = AnswerStore(tmp_path / "s", 1000)
    store.put([kept(b"1")])
    assert store.get(b"1", ALWAYS) == b"a"


def test_without_a_place_to_write_nothing_is_kept_and_it_is_said_once(tmp_path):
    (tmp_path / "file").write_text("")
    said = []
    with report_progress_to(lambda *_: None, said.append):
        store = AnswerStore(tmp_path / "file" / "s", 1000)
        store.put([kept(b"1")])
        assert store.get(b"1", ALWAYS) is None
        assert (store.vectors(b"s", 0), store.of_model("m"), store.num_bytes) == ([], [], 0)
    assert len(said) == 1
    assert "answers are not kept" in said[0]


def test_a_fault_later_leaves_the_store_usable(tmp_path, monkeypatch):
    store = AnswerStore(tmp_path / "s", 1000)
    other = sqlite3.connect(tmp_path / "s", isolation_level=None)
    store._db.execute("PRAGMA busy_timeout = 10")
    other.execute("BEGIN IMMEDIATE")
    store.put([kept(b"1")])
    assert store.get(b"1", ALWAYS) is None
    other.execute("ROLLBACK")
    other.close()
    store.put([kept(b"1")])
    assert store.get(b"1", ALWAYS) == b"a"


def test_many_threads_and_a_second_process(tmp_path):
    store = AnswerStore(tmp_path / "s", 10**6)

    def work(first):
        for number in range(50):
            key = f"{first}-{number}".encode()
            store.put([kept(key, key)])
            assert store.get(key, ALWAYS) == key

    code = (
        "import sys; from pathlib import Path\n"
        "from acclimate.response_cache.sqlite_store import AnswerStore, CachedAnswer\n"
        "s = AnswerStore(Path(sys.argv[1]), 10**6)\n"
        "[s.put([CachedAnswer(f'p-{i}'.encode(), 'm', b'', b'', b'x')]) for i in range(50)]\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "s")])
    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert process.wait() == 0
    keys = [f"{n}-{i}".encode() for n in range(4) for i in range(50)]
    keys += [f"p-{i}".encode() for i in range(50)]
    assert all(store.get(key, ALWAYS) for key in keys)
    assert store.num_bytes == sum(one.num_bytes for one in store.of_model("m"))
