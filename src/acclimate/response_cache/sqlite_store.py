"""Whole answers by key, in a SQLite file of bounded size that processes share."""

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
"""How finely it is known when an answer was last given: a hit is a write once in that time."""
_WAIT_SECONDS = 5.0
"""For another process that writes."""
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
    """An answer with what it is found by."""

    key: bytes
    model: str
    """Identity of the model that gave it."""
    scope: bytes
    """Prompts may share answers by meaning only within one."""
    vector: bytes
    """Of the prompt, float32; empty: it is found by its key alone."""
    answer: bytes

    @property
    def num_bytes(self) -> int:
        """Of all that is kept."""
        parts = (self.key, self.model.encode(), self.scope, self.vector, self.answer)
        return sum(map(len, parts))


class AnswerStore:
    """Answers up to `max_bytes`, whatever models gave them; those unused for longest go first.

    A fault of the file costs answers that were kept, never the one that is asked for: it is said
    once, and nothing is found.
    """

    def __init__(self, path: Path, max_bytes: int, clock: Callable[[], float] = time.time) -> None:
        """Use the file `path`, made now if there is none; a damaged one is begun anew."""
        self.path, self.max_bytes, self._clock = path, max_bytes, clock
        self._lock = threading.Lock()
        self._is_told = False
        self._db: sqlite3.Connection | None = None
        try:
            self._db = _opened(path)
            _make_room(self._db, max_bytes)
            weakref.finalize(self, self._db.close)
        except (sqlite3.Error, OSError) as error:
            self._tell(error)

    def get(self, key: bytes, max_age_seconds: float) -> bytes | None:
        """The answer of this key, unless it is older."""

        def find(db: sqlite3.Connection) -> bytes | None:
            row = db.execute(
                "SELECT answer, made, used FROM answers WHERE key = ?", (key,)
            ).fetchone()
            if row is None:
                return None
            answer, made, used = row
            now = self._clock()
            if now - made > max_age_seconds:
                db.execute("DELETE FROM answers WHERE key = ?", (key,))
                return None
            if now - used > TOUCH_SECONDS:
                db.execute("UPDATE answers SET used = ? WHERE key = ?", (now, key))
            found: bytes = answer
            return found

        return self._tried(find, None)

    def put(self, kept: Iterable[CachedAnswer]) -> None:
        """Keep answers, in place of older ones with their keys; one larger than all is not kept."""
        now = self._clock()
        rows = [
            (*astuple(one), one.num_bytes, now, now)
            for one in kept
            if one.num_bytes <= self.max_bytes
        ]

        def write(db: sqlite3.Connection) -> None:
            db.execute("BEGIN IMMEDIATE")
            for row in rows:
                db.execute("DELETE FROM answers WHERE key = ?", row[:1])
                db.execute("INSERT INTO answers VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?)", row)
            _make_room(db, self.max_bytes)
            db.execute("COMMIT")

        self._tried(write, None)

    def vectors(self, scope: bytes, after: int) -> list[tuple[int, bytes, bytes]]:
        """Row, key and vector of each answer of a scope that came after a row, oldest first."""
        query = (
            "SELECT row, key, vector FROM answers WHERE scope = ? AND row > ? "
            "AND length(vector) > 0 ORDER BY row"
        )
        return self._tried(lambda db: db.execute(query, (scope, after)).fetchall(), [])

    def of_model(self, model: str) -> list[CachedAnswer]:
        """All that one model gave, oldest first."""
        query = "SELECT key, model, scope, vector, answer FROM answers WHERE model = ? ORDER BY row"
        return self._tried(
            lambda db: [CachedAnswer(*row) for row in db.execute(query, (model,))], []
        )

    @property
    def num_bytes(self) -> int:
        """Of all answers kept, without what SQLite adds."""
        return self._tried(_held, 0)

    def _tried(self, work: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        """What comes of it, one thread at a time; a fault is said once."""
        with self._lock:
            if self._db is None:
                return otherwise
            try:
                return work(self._db)
            except sqlite3.Error as error:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                self._tell(error)
                return otherwise

    def _tell(self, error: Exception) -> None:
        if not self._is_told:
            notify(f"{self.path}: answers are not kept ({error}); they are given all the same")
        self._is_told = True


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
        raise  # in use, or not ours to write
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
