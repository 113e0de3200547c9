"""Feedback is added to and never changed, whole or absent, among threads and kills."""

import os
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from acclimate.core.errors import BackendError, ConfigError
from acclimate.server.feedback.store import (
    VERSION,
    Correction,
    FeedbackStore,
    Rating,
    ShownAnswer,
    StoredComparison,
    StoredMessage,
    Vote,
)

ASKED = (StoredMessage(role="user", content="Why? \N{SNOWMAN}\x00"),)


def rating(text, rating="up"):
    return Rating(messages=ASKED, answer=ShownAnswer(text=text), rating=rating)


def comparison(ticket):
    return StoredComparison(
        ticket=ticket, messages=ASKED, answers=(ShownAnswer(text="a"), ShownAnswer(text="b"))
    )


@pytest.fixture
def store(tmp_path):
    return FeedbackStore(tmp_path / "deep" / "feedback.sqlite")


def test_what_is_given_comes_back_in_order(store):
    given = [rating("one"), rating("two", "down")]
    mended = Correction(messages=ASKED, answer=ShownAnswer(text="x", system="s"), corrected="y")
    for one in (*given, mended, comparison("t")):
        assert store.add(one)
    again = FeedbackStore(store.path)
    assert again.all(Rating) == given
    assert again.all(Correction) == [mended]
    assert again.comparison("t") == comparison("t")
    assert again.comparison("u") is None
    assert again.counts() == {"rating": 2, "correction": 1, "comparison": 1}


def test_the_first_vote_stands(store):
    assert store.add(Vote(ticket="t", choice="first"))
    assert not store.add(Vote(ticket="t", choice="second"))
    assert store.add(Vote(ticket="u", choice="tie"))
    assert [vote.choice for vote in store.all(Vote)] == ["first", "tie"]


@pytest.mark.parametrize("change", ["UPDATE given SET body='{}'", "DELETE FROM given"])
def test_nothing_is_changed_or_removed(store, change):
    store.add(rating("one"))
    with sqlite3.connect(store.path) as db, pytest.raises(sqlite3.IntegrityError, match="never"):
        db.execute(change)
    assert store.all(Rating) == [rating("one")]


def test_it_is_made_when_something_is_given(store):
    assert store.all(Rating) == []
    assert store.comparison("t") is None
    assert store.counts() == {}
    assert not store.path.parent.exists()
    store.add(rating("one"))
    assert store.counts() == {"rating": 1}
    store.path.unlink()
    store.add(rating("two"))
    assert store.all(Rating) == [rating("two")]


def test_a_file_without_tables_is_empty(tmp_path):
    (tmp_path / "f.sqlite").touch()
    store = FeedbackStore(tmp_path / "f.sqlite")
    assert store.counts() == {}
    store.add(rating("one"))
    assert store.counts() == {"rating": 1}


def test_it_is_a_journal_with_a_version(store):
    store.add(rating("one"))
    with sqlite3.connect(store.path) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert db.execute("PRAGMA user_version").fetchone() == (VERSION,)
        db.execute(f"PRAGMA user_version={VERSION + 1}")
    with pytest.raises(BackendError, match=r"version 2, this acclimate reads up to 1; update"):
        FeedbackStore(store.path)


def test_many_threads_lose_nothing(tmp_path):
    def give(number):
        return FeedbackStore(tmp_path / "f.sqlite").add(rating(str(number)))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(give, range(64)))
    found = FeedbackStore(tmp_path / "f.sqlite").all(Rating)
    assert {one.answer.text for one in found} == set(map(str, range(64)))


KILLED = """
import sys
from pathlib import Path
from acclimate.server.feedback.store import *
store = FeedbackStore(Path(sys.argv[1]))
for number in range(10_000):
    messages = (StoredMessage(role="user", content="?"),)
    store.add(Rating(messages=messages, answer=ShownAnswer(text=str(number)), rating="up"))
    print(number, flush=True)
"""


def test_a_killed_process_leaves_all_that_it_said(tmp_path):
    path = tmp_path / "f.sqlite"
    command = [sys.executable, "-c", KILLED, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for _ in range(20):
            last = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
    kept = [int(one.answer.text) for one in FeedbackStore(path).all(Rating)]
    assert kept[: last + 1] == list(range(last + 1))


def test_what_is_no_store_is_said(tmp_path):
    (tmp_path / "f.sqlite").write_text("something else altogether, long enough to be read as one")
    with pytest.raises(BackendError, match=r"f\.sqlite: feedback cannot be kept there"):
        FeedbackStore(tmp_path / "f.sqlite")
    (tmp_path / "file").write_text("")
    for path in ("file/f.sqlite", "file/deep/f.sqlite"):
        with pytest.raises(ConfigError, match="file: not a folder that can be written into; give"):
            FeedbackStore(tmp_path / path)


def test_a_place_that_takes_no_file_is_refused_at_once(tmp_path, monkeypatch):
    (tmp_path / "f.sqlite").touch()
    monkeypatch.setattr(os, "access", lambda path, mode: mode == os.F_OK and path.exists())
    with pytest.raises(ConfigError, match="not a folder that can be written into"):
        FeedbackStore(tmp_path / "deep" / "deeper" / "f.sqlite")
    with pytest.raises(ConfigError, match=r"f\.sqlite: the file cannot be written"):
        FeedbackStore(tmp_path / "f.sqlite")


def test_a_folder_that_came_to_be_none_is_said(store):
    store.path.parent.write_text("")
    with pytest.raises(ConfigError, match="cannot be made a folder"):
        store.add(rating("one"))
