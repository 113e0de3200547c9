"""Rows: kept once, found by what they are of, whole whatever happens."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest

from acclimate.core.errors import BackendError, ConfigError
from acclimate.core.runtime.cost import Cost
from acclimate.evaluation.scores import ControlScore
from acclimate.study.results_db import ResultsDb, Row

ROW = Row(
    recipe="lora + hybrid_rag",
    seed=1,
    split="test",
    items_hash="h",
    key="k",
    is_trained=True,
    scores={"sums": {"exact_match": {"1": 1.0, "2": 0.0}}},
    answers={"1": "four\n", "2": "ünf"},
    fit_cost=Cost(seconds=2.5, train_tokens=7, peak_bytes=3),
    latency_seconds=(0.1, 0.2),
    control=ControlScore(bits_per_byte=1.5),
    versions={"torch": "2"},
)


@pytest.fixture
def rows(tmp_path):
    return ResultsDb(tmp_path / "deep" / "rows.sqlite")


def test_kept_whole_and_in_order(rows):
    other = ROW.model_copy(update={"recipe": "a"})
    rows.add(ROW)
    rows.add(other)
    assert ResultsDb(rows.path).all() == [ROW, other]


@pytest.mark.parametrize(
    "change", [{"recipe": "b"}, {"seed": 2}, {"split": "dev"}, {"key": "z"}, {"items_hash": "z"}]
)
def test_found_by_all_that_tells_it_apart(rows, change):
    rows.add(ROW)
    like = Row(recipe=ROW.recipe, seed=1, split="test", key="k", items_hash="h")
    assert rows.find(like) == ROW
    assert rows.find(like.model_copy(update=change)) is None


def test_same_row_again_gives_way(rows):
    rows.add(ROW.model_copy(update={"status": "failed", "reason": "stopped"}))
    rows.add(ROW)
    assert rows.all() == [ROW]


def test_locks(rows):
    assert rows.lock("d") is None
    rows.set_lock("d", "one")
    rows.set_lock("e", "two")
    rows.set_lock("d", "three")
    assert (rows.lock("d"), rows.lock("e")) == ("three", "two")


def test_a_transaction_a_row_survives_a_killed_writer(rows):
    rows.add(ROW)
    db = sqlite3.connect(rows.path)
    db.execute("INSERT INTO rows VALUES ('half', 0, 'dev', '', '', '{')")
    db.close()  # never committed, as when the process is killed
    assert rows.all() == [ROW]


def test_writers_at_once(rows):
    with ThreadPoolExecutor(4) as pool:
        made = [ROW.model_copy(update={"seed": seed}) for seed in range(20)]
        list(pool.map(rows.add, made))
    assert sorted(row.seed for row in rows.all()) == list(range(20))


def test_no_database_is_one_sentence(tmp_path):
    path = tmp_path / "rows.sqlite"
    path.write_bytes(b"this is no database" * 100)
    with pytest.raises(
        BackendError, match=r"rows\.sqlite: the study's rows cannot be read .*; move"
    ):
        ResultsDb(path)


def test_where_no_file_can_be_made_is_a_wrong_setting(tmp_path):
    (tmp_path / "rows.sqlite").mkdir()  # root may write anywhere, but not a file over a folder
    with pytest.raises(ConfigError, match=r"rows cannot be written .*--out") as found:
        ResultsDb(tmp_path / "rows.sqlite")
    assert found.value.exit_code == 2


def test_a_database_that_may_only_be_read_is_a_wrong_setting(rows, monkeypatch):
    real = sqlite3.connect
    opened = f"file:{rows.path}?mode=ro"
    monkeypatch.setattr(sqlite3, "connect", lambda *_, **__: real(opened, uri=True))
    with pytest.raises(ConfigError, match="rows cannot be written"):
        rows.add(ROW)
