"""Rows: one measured result each, in SQLite, one transaction a row."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from acclimate.core.errors import BackendError, ConfigError
from acclimate.core.former_names import METRICS_BEFORE, label_now
from acclimate.core.provenance import Provenance
from acclimate.core.record import Record
from acclimate.core.runtime.cost import Cost
from acclimate.core.runtime.fit_log import Notes
from acclimate.core.storage.sqlite import transaction
from acclimate.evaluation.scores import ControlScore, ItemScores

_ELSEWHERE = "give a folder elsewhere with --out"
_NOT_TO_BE_WRITTEN = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}


class Row(Record):
    """One recipe under one seed, measured on one split."""

    recipe: str
    """Label, unique in its study."""
    seed: int
    """Of everything random in it."""
    split: Literal["dev", "test"]
    """Which items."""
    status: Literal["done", "skipped", "failed"] = "done"
    """Whether there is a result."""
    reason: str = ""
    """Why there is none."""
    items_hash: str = ""
    """Digest of the items it was measured on, the control set's among them."""
    key: str = ""
    """Of the fitted model: digest of recipe, base, data and seed."""
    is_trained: bool = False
    """Whether weights were changed."""
    scores: ItemScores = {}
    """Every item's score under every metric."""
    answers: dict[str, str] = {}
    """Item id → what was answered."""
    sources: dict[str, tuple[str, ...]] = {}
    """Item id → ids of the documents that its answer rests on, best first."""
    prompts: dict[str, str] = {}
    """Task → its first item as the model read it; empty: not known."""
    fit_cost: Cost = Cost()
    """Of making the model, all its parts counted, also those that were reused."""
    answer_cost: Cost = Cost()
    """Of answering every item, in batches."""
    latency_seconds: tuple[float, ...] = ()
    """Of single requests, one at a time; empty: not measured."""
    control: ControlScore | None = None
    """None: not measured."""
    notes: dict[str, Notes] = {}
    """Method → what its fit told besides its model."""
    versions: dict[str, str] = {}
    """Of the libraries that were used."""
    hardware: str = ""
    """What it ran on."""
    created: str = ""
    """UTC, ISO 8601."""
    made_by: Provenance = Provenance()
    """By which code and libraries, and on which models, it was fitted, asked and scored."""
    stale: tuple[str, ...] = ()
    """Why it would come out otherwise today, where it was taken all the same."""


class ResultsDb:
    """The rows of one study; safe against being killed at any moment."""

    def __init__(self, path: Path) -> None:
        """Open or make the database.

        Raises:
            ConfigError: The folder cannot be made, or there is no room on the disk.
            BackendError: The file is no such database.
        """
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"{path.parent}: cannot be made a folder ({error.strerror}); {_ELSEWHERE}"
            ) from error
        with self._connected() as db:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute(
                "CREATE TABLE IF NOT EXISTS rows (recipe TEXT, seed INTEGER, split TEXT, "
                "key TEXT, items_hash TEXT, body TEXT, "
                "PRIMARY KEY (recipe, seed, split, key, items_hash))"
            )
            db.execute("CREATE TABLE IF NOT EXISTS locks (domain TEXT PRIMARY KEY, hash TEXT)")

    def add(self, row: Row) -> None:
        """Keep a row; one with the same recipe, seed, split, key and items gives way."""
        with self._connected() as db:
            db.execute(
                "INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?, ?, ?)",
                (row.recipe, row.seed, row.split, row.key, row.items_hash, row.model_dump_json()),
            )

    def all(self) -> list[Row]:
        """Every row, in the order it was kept; an old one as it would be called now."""
        with self._connected() as db:
            bodies = db.execute("SELECT body FROM rows ORDER BY rowid").fetchall()
        return [_as_now(Row.model_validate_json(body)) for (body,) in bodies]

    def find(self, like: Row) -> Row | None:
        """The row with the recipe, seed, split, key and items of `like`, if it was kept.

        By what code it was made, it says itself.
        """
        with self._connected() as db:
            match = db.execute(
                "SELECT body FROM rows WHERE recipe=? AND seed=? AND split=? AND key=? "
                "AND items_hash=?",
                (like.recipe, like.seed, like.split, like.key, like.items_hash),
            ).fetchone()
        return _as_now(Row.model_validate_json(match[0])) if match else None

    def lock(self, domain: str) -> str | None:
        """The digest of the test set that was locked for a domain."""
        with self._connected() as db:
            match = db.execute("SELECT hash FROM locks WHERE domain=?", (domain,)).fetchone()
        return str(match[0]) if match else None

    def set_lock(self, domain: str, items_hash: str) -> None:
        """Lock a domain to a test set."""
        with self._connected() as db:
            db.execute("INSERT OR REPLACE INTO locks VALUES (?, ?)", (domain, items_hash))

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        try:
            with transaction(self.path, _ELSEWHERE) as db:
                yield db
        except sqlite3.DatabaseError as error:
            # The low byte is the kind of error; the others tell it from its like.
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _NOT_TO_BE_WRITTEN:
                raise ConfigError(
                    f"{self.path}: the study's rows cannot be written ({error}); {_ELSEWHERE}"
                ) from error
            raise BackendError(
                f"{self.path}: the study's rows cannot be read ({error}); move the file away, or "
                f"{_ELSEWHERE}"
            ) from error


def _as_now(row: Row) -> Row:
    """The row, with what it names called as it is now; it may be of before the names."""
    # A label that no method was fitted for is a person's own, of answers made elsewhere.
    is_named_by_us = row.status != "done" or row.fit_cost != Cost()
    scores = {
        task: {METRICS_BEFORE.get(metric, metric): of_items for metric, of_items in metrics.items()}
        for task, metrics in row.scores.items()
    }
    return row.model_copy(
        update={
            "recipe": label_now(row.recipe) if is_named_by_us else row.recipe,
            "scores": scores,
            "notes": {label_now(method): notes for method, notes in row.notes.items()},
        }
    )
