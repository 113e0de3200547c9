"""SQLite store of answers by key, of bounded size, shared by processes."""

import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TypeVar

from acclimate.core.runtime.progress import notify

T = TypeVar("T")

TOUCH_SECONDS = 60.0
"""Resolution of the time of last use: a hit writes it at most once in this time."""
_WAIT_SECONDS = 5.0
"""Timeout for another process that writes."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    key BLOB UNIQUE, model TEXT, scope BLOB, vector BLOB, answer BLOB,
    bytes INTEGER, made REAL, used REAL
);
CREATE INDEX IF NOT EXISTS by_use ON answers (used);
CREATE INDEX IF NOT EXISTS by_scope ON answers (scope);
CREATE INDEX IF NOT EXISTS by_model ON answers (model);
CREATE TABLE IF NOT EXISTS held (one INTEGER PRIMARY KEY CHECK (one = 1), bytes INTEGER);
INSERT OR IGNORE INTO held VALUES (1, 0);
CREATE TRIGGER IF NOT EXISTS more AFTER INSERT ON answers
    BEGIN UPDATE held SET bytes = bytes + new.bytes; END;
CREATE TRIGGER IF NOT EXISTS less AFTER DELETE ON answers
    BEGIN UPDATE held SET bytes = bytes - old.bytes; END;
"""


@dataclass(frozen=True)
class CachedAnswer:
    """An answer with its key, model, scope and vector."""

    key: bytes
    model: str
    """Identity of the model that gave it."""
    scope: bytes
    """Prompts may share answers by similarity only within one."""
    vector: bytes
    """Of the prompt, float32; empty: it is found by its key alone."""
    answer: bytes
    """The completion as JSON."""

    @property
    def num_bytes(self) -> int:
        """Size of all fields."""
        parts = (self.key, self.model.encode(), self.scope, self.vector, self.answer)
        return sum(map(len, parts))


class AnswerStore:
    """Answers of all models, up to `max_bytes`; the least recently used are evicted first.

    A fault of the file loses cached answers and never a request: it is reported once, and nothing
    is found.
    """

    def __init__(self, path: Path, max_bytes: int, clock: Callable[[], float] = time.time) -> None:
        """Open the file `path`, made if there is none; a damaged one is replaced."""
        self.path, self.max_bytes, self._clock = path, max_bytes, clock
        self._lock = threading.Lock()
        self._is_reported = False
        self._db: sqlite3.Connection | None = None
        try:
            self._db = _opened(path)
            _make_room(self._db, max_bytes)
            weakref.finalize(self, self._db.close)
        except (sqlite3.Error, OSError) as error:
            self._report(error)

    def get(self, key: bytes, max_age_seconds: float) -> bytes | None:
        """The answer of this key, unless it is older than `max_age_seconds`."""

        def find(db: sqlite3.Connection) -> bytes | None:
            row = db.execute(
                "SELECT answer, made, used FROM answers WHERE key = ?", (key,)
            ).fetchone()
            if row is None:
                return None
            answer: bytes
            answer, made, used = row
            now = self._clock()
            if now - made > max_age_seconds:
                db.execute("DELETE FROM answers WHERE key = ?", (key,))
                return None
            if now - used > TOUCH_SECONDS:
                db.execute("UPDATE answers SET used = ? WHERE key = ?", (now, key))
            return answer

        return self._run(find, None)

    def put(self, answers: Iterable[CachedAnswer]) -> None:
        """Store answers, replacing those with equal keys; none larger than `max_bytes`."""
        now = self._clock()
        rows = [
            (*astuple(answer), answer.num_bytes, now, now)
            for answer in answers
            if answer.num_bytes <= self.max_bytes
        ]

        def write(db: sqlite3.Connection) -> None:
            db.execute("BEGIN IMMEDIATE")
            for row in rows:
                db.execute("DELETE FROM answers WHERE key = ?", row[:1])
                db.execute("INSERT INTO answers VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?)", row)
            _make_room(db, self.max_bytes)
            db.execute("COMMIT")

        self._run(write, None)

    def vectors(self, scope: bytes, after: int) -> list[tuple[int, bytes, bytes]]:
        """Row, key and vector of each answer of a scope with a row above `after`, oldest first."""
        query = (
            "SELECT row, key, vector FROM answers WHERE scope = ? AND row > ? "
            "AND length(vector) > 0 ORDER BY row"
        )
        return self._run(lambda db: db.execute(query, (scope, after)).fetchall(), [])

    def of_model(self, model: str) -> list[CachedAnswer]:
        """All answers of one model, oldest first."""
        query = "SELECT key, model, scope, vector, answer FROM answers WHERE model = ? ORDER BY row"
        return self._run(lambda db: [CachedAnswer(*row) for row in db.execute(query, (model,))], [])

    @property
    def num_bytes(self) -> int:
        """Size of all answers, without what SQLite adds."""
        return self._run(_held, 0)

    def _run(self, work: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        """Result of `work`, one thread at a time; after a fault, reported once, `otherwise`."""
        with self._lock:
            if self._db is None:
                return otherwise
            try:
                return work(self._db)
            except sqlite3.Error as error:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                self._report(error)
                return otherwise

    def _report(self, error: Exception) -> None:
        if not self._is_reported:
            notify(f"{self.path}: answers are not kept ({error}); they are given all the same")
        self._is_reported = True


def _held(db: sqlite3.Connection) -> int:
    (held,) = db.execute("SELECT bytes FROM held").fetchone()
    return int(held)


def _make_room(db: sqlite3.Connection, max_bytes: int) -> None:
    held = _held(db)
    oldest = "SELECT row, bytes FROM answers ORDER BY used, row LIMIT 1"
    while held > max_bytes:
        row, size = db.execute(oldest).fetchone()
        db.execute("DELETE FROM answers WHERE row = ?", (row,))
        held -= size


def _opened(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return _connected(path)
    except sqlite3.OperationalError:
        raise  # in use, or without permission to write
    except sqlite3.DatabaseError:
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        return _connected(path)


def _connected(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False)
    # Readers do not wait for a writer, and a crash loses the last answers at most.
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    db.executescript(_SCHEMA)
    return db
