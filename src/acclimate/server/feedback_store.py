"""What people say of answers, kept in SQLite: added to, never changed."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeVar

from acclimate.core.data import Record
from acclimate.core.errors import BackendError, ConfigError
from acclimate.core.transaction import transaction

VERSION = 1
"""Of the tables; kept in the file itself."""
_ELSEWHERE = "give a file elsewhere"
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


class Message(Record):
    """What somebody said in a dialogue."""

    role: Literal["system", "user", "assistant"]
    """Who."""
    content: str
    """What."""


class Answer(Record):
    """One answer of one system."""

    text: str
    """As it was shown."""
    system: str = ""
    """Who gave it; empty: not known."""


class Comparison(Record):
    """Two answers that were shown side by side."""

    ticket: str
    """Names it to the person, and tells nothing of the systems."""
    messages: tuple[Message, ...]
    """The dialogue, up to and with the question."""
    task: str = ""
    """Task of the domain that it was asked as; empty: none."""
    answers: tuple[Answer, Answer]
    """In the order in which they were shown."""
    sources: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    """Documents that each rests on, best first."""


class Vote(Record):
    """Which of the two was better."""

    ticket: str
    """Of the comparison."""
    choice: Literal["first", "second", "tie"]
    """The better one, in the order in which they were shown."""


class Rating(Record):
    """Whether an answer was good."""

    messages: tuple[Message, ...]
    """The dialogue, up to and with the question."""
    task: str = ""
    """Task of the domain that it was asked as; empty: none."""
    answer: Answer
    """What was rated."""
    rating: Literal["up", "down"]
    """Good or not; of several ratings of one answer the last counts."""


class Correction(Record):
    """How an answer should have read."""

    messages: tuple[Message, ...]
    """The dialogue, up to and with the question."""
    task: str = ""
    """Task of the domain that it was asked as; empty: none."""
    answer: Answer
    """What was corrected."""
    corrected: str
    """As it should be; of several corrections of one answer the last counts."""


Given = Comparison | Vote | Rating | Correction
Kind = TypeVar("Kind", Comparison, Vote, Rating, Correction)


class FeedbackStore:
    """Records in the order they were given; safe against being killed and among threads."""

    def __init__(self, path: Path) -> None:
        """Open or make the database.

        Raises:
            ConfigError: It cannot be written there.
            BackendError: The file is no such database, or of a newer version.
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
            db.execute("BEGIN IMMEDIATE")  # two that open it at once make it once
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if version == 0:
                for statement in _TABLES.split(";\n"):
                    db.execute(statement)
                db.execute(f"PRAGMA user_version={VERSION}")
        if version > VERSION:
            raise BackendError(
                f"{path}: feedback of version {version}, this acclimate reads up to {VERSION}; "
                f"update acclimate, or {_ELSEWHERE}"
            )

    def add(self, given: Given) -> bool:
        """Keep a record, in a transaction of its own.

        Returns:
            False where there is a vote on that ticket already; the first one stands.
        """
        created = datetime.now(UTC).isoformat(timespec="milliseconds")
        with self._connected() as db:
            added = db.execute(
                "INSERT INTO given (kind, ticket, created, body) VALUES (?, ?, ?, ?) "
                "ON CONFLICT DO NOTHING",
                (_name(type(given)), getattr(given, "ticket", None), created, _body(given)),
            )
        return added.rowcount == 1

    def all(self, kind: type[Kind]) -> list[Kind]:
        """Every record of a kind, in the order it was given."""
        with self._connected() as db:
            found = db.execute(
                "SELECT body FROM given WHERE kind=? ORDER BY number", (_name(kind),)
            ).fetchall()
        return [kind.model_validate_json(body) for (body,) in found]

    def comparison(self, ticket: str) -> Comparison | None:
        """What was shown under a ticket."""
        with self._connected() as db:
            found = db.execute(
                "SELECT body FROM given WHERE kind='comparison' AND ticket=?", (ticket,)
            ).fetchone()
        return Comparison.model_validate_json(found[0]) if found else None

    def counts(self) -> dict[str, int]:
        """How many of each kind there are, those that there are none of left out."""
        with self._connected() as db:
            return dict(db.execute("SELECT kind, COUNT(*) FROM given GROUP BY kind").fetchall())

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        try:
            with transaction(self.path, _ELSEWHERE) as db:
                yield db
        except sqlite3.DatabaseError as error:
            raise BackendError(
                f"{self.path}: feedback cannot be kept there ({error}); {_ELSEWHERE}"
            ) from error


def _name(kind: type[Given]) -> str:
    return kind.__name__.lower()


def _body(given: Given) -> str:
    return given.model_dump_json()
