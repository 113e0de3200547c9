"""Changes are kept together or not at all, and a full disk is said."""

import sqlite3

import pytest

from acclimate.core.errors import ConfigError
from acclimate.core.storage.sqlite import transaction


def breaks(path, error):
    with transaction(path, "move") as db:
        db.execute("CREATE TABLE IF NOT EXISTS numbers (number INTEGER)")
        db.execute("INSERT INTO numbers VALUES (1)")
        raise error


def test_what_fails_half_way_leaves_nothing(tmp_path):
    path = tmp_path / "kept.sqlite"
    with transaction(path, "move") as db:
        db.execute("CREATE TABLE numbers (number INTEGER)")
    with pytest.raises(ZeroDivisionError):
        breaks(path, ZeroDivisionError())
    with transaction(path, "move") as db:
        assert db.execute("SELECT COUNT(*) FROM numbers").fetchone() == (0,)


def test_a_full_disk_is_said_and_all_else_passes_through(tmp_path):
    path = tmp_path / "kept.sqlite"
    with pytest.raises(ConfigError, match="no room on the disk"):
        breaks(path, sqlite3.OperationalError("database or disk is full"))
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        breaks(path, sqlite3.OperationalError("database is locked"))
