"""Feedback in SQLite: votes, ratings and corrections, and their tables."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

from acclimate.core.errors import BackendError, ConfigError
from acclimate.core.record import Record
from acclimate.core.storage.sqlite import transaction

_ELSEWHERE = "give a file elsewhere"


class StoredMessage(Record):
    """What somebody said in a dialogue."""

    role: Literal["system", "user", "assistant"]
    """Who."""
    content: str
    """What."""


class ShownAnswer(Record):
    """One answer of one system."""

    text: str
    """As it was shown."""
    system: str = ""
    """Who gave it; empty: not known."""
    is_cut: bool = False
    """Whether it was ended at the longest answer that is allowed."""


class StoredComparison(Record):
    """Two answers that were shown side by side."""

    stored_as: ClassVar[str] = "comparison"

    ticket: str
    """Names it to the person, and tells nothing of the systems."""
    messages: tuple[StoredMessage, ...]
    """The dialogue, up to and with the question."""
    task: str = ""
    """Task of the domain that it was asked as; empty: none."""
    answers: tuple[ShownAnswer, ShownAnswer]
    """In the order in which they were shown."""
    sources: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    """Documents that each rests on, best first."""


class Vote(Record):
    """Which of the two was better."""

    stored_as: ClassVar[str] = "vote"

    ticket: str
    """Of the comparison."""
    choice: Literal["first", "second", "tie"]
    """The better one, in the order in which they were shown."""


class Rating(Record):
    """Whether an answer was good."""

    stored_as: ClassVar[str] = "rating"

    messages: tuple[StoredMessage, ...]
    """The dialogue, up to and with the question."""
    task: str = ""
    """Task of the domain that it was asked as; empty: none."""
    answer: ShownAnswer
    """What was rated."""
    rating: Literal["up", "down"]
    """Good or not; of several ratings of one answer the last counts."""


class Correction(Record):
    """How an answer should have read."""

    stored_as: ClassVar[str] = "correction"

    messages: tuple[StoredMessage, ...]
    """The dialogue, up to and with the question."""
    task: str = ""
    """Task of the domain that it was asked as; empty: none."""
    answer: ShownAnswer
    """What was corrected."""
    corrected: str
    """As it should be; of several corrections of one answer the last counts."""


FeedbackEntry = StoredComparison | Vote | Rating | Correction
FeedbackKind = TypeVar("FeedbackKind", StoredComparison, Vote, Rating, Correction)


class FeedbackStore:
    """Records in the order they were given; safe against being killed and among threads.

    The file is made when something is given: where nobody says anything, nothing is left behind.
    """

    def __init__(self, path: Path) -> None:
        """Keep it in this file, which need not be there yet.

        Raises:
            ConfigError: It cannot be written there.
            BackendError: The file is no such database, or of a newer version.
        """
        self.path = path
        if not _is_there(path):
            _check_place(path.parent)
            return
        with self._connected() as db:
            file_version = version(db)
        if file_version > VERSION:
            raise BackendError(
                f"{path}: feedback of version {file_version}, this acclimate reads up to "
                f"{VERSION}; update acclimate, or {_ELSEWHERE}"
            )
        if not os.access(path, os.W_OK):
            raise ConfigError(f"{path}: the file cannot be written; {_ELSEWHERE}")

    def add(self, given: FeedbackEntry) -> bool:
        """Keep a record, in a transaction of its own.

        Returns:
            False where there is a vote on that ticket already; the first one stands.
        """
        created = datetime.now(UTC).isoformat(timespec="milliseconds")
        _make_folder(self.path.parent)
        with self._connected() as db:
            make_tables(db)
            added = db.execute(
                "INSERT INTO given (kind, ticket, created, body) VALUES (?, ?, ?, ?) "
                "ON CONFLICT DO NOTHING",
                (type(given).stored_as, getattr(given, "ticket", None), created, _body(given)),
            )
        return added.rowcount == 1

    def all(self, kind: type[FeedbackKind]) -> list[FeedbackKind]:
        """Every record of a kind, in the order it was given."""
        rows = self._found("SELECT body FROM given WHERE kind=? ORDER BY number", kind.stored_as)
        return [kind.model_validate_json(body) for (body,) in rows]

    def comparison(self, ticket: str) -> StoredComparison | None:
        """What was shown under a ticket."""
        rows = self._found("SELECT body FROM given WHERE kind='comparison' AND ticket=?", ticket)
        return StoredComparison.model_validate_json(rows[0][0]) if rows else None

    def counts(self) -> dict[str, int]:
        """How many of each kind there are, those that there are none of left out."""
        return dict(self._found("SELECT kind, COUNT(*) FROM given GROUP BY kind"))

    def _found(self, query: str, *values: str) -> list[Any]:
        """What a query finds; nothing where nothing was given yet."""
        if not _is_there(self.path):
            return []
        with self._connected() as db:
            return db.execute(query, values).fetchall() if version(db) else []

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        try:
            with transaction(self.path, _ELSEWHERE) as db:
                yield db
        except sqlite3.DatabaseError as error:
            raise BackendError(
                f"{self.path}: feedback cannot be kept there ({error}); {_ELSEWHERE}"
            ) from error


def _is_there(path: Path) -> bool:
    return os.access(path, os.F_OK)  # where nobody may look there is nothing


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"{folder}: cannot be made a folder ({error.strerror}); {_ELSEWHERE}"
        ) from error


def _check_place(folder: Path) -> None:
    """Refuse a folder that will not take a file, before anybody gives anything.

    Raises:
        ConfigError: It cannot be written into, or not be made.
    """
    there = next(parent for parent in (folder, *folder.absolute().parents) if _is_there(parent))
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        raise ConfigError(f"{there}: not a folder that can be written into; {_ELSEWHERE}")


def _body(given: FeedbackEntry) -> str:
    return given.model_dump_json()


VERSION = 1
"""Of the tables; kept in the file itself."""
_TABLES = """
CREATE TABLE given (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    ticket TEXT,
    created TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE UNIQUE INDEX once ON given (kind, ticket) WHERE ticket IS NOT NULL;
CREATE TRIGGER no_change BEFORE UPDATE ON given
    BEGIN SELECT RAISE(ABORT, 'feedback is added to, never changed'); END;
CREATE TRIGGER no_loss BEFORE DELETE ON given
    BEGIN SELECT RAISE(ABORT, 'feedback is added to, never removed'); END;
"""


def version(db: sqlite3.Connection) -> int:
    """Of the tables that are there; 0: none are."""
    (number,) = db.execute("PRAGMA user_version").fetchone()
    return int(number)


def make_tables(db: sqlite3.Connection) -> None:
    """Make them where there are none."""
    if version(db) > 0:
        return
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("BEGIN IMMEDIATE")  # two that come first at once make them once
    if version(db) == 0:
        for statement in _TABLES.split(";\n"):
            db.execute(statement)
        db.execute(f"PRAGMA user_version={VERSION}")
