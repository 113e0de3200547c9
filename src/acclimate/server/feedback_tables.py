"""The tables that feedback is kept in, which let nothing be changed."""

import sqlite3

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
    (found,) = db.execute("PRAGMA user_version").fetchone()
    return int(found)


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
