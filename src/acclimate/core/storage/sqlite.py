"""One transaction on a SQLite file, whose disk may be full."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from acclimate.core.storage.disk_space import disk_full_error, is_disk_full

WAIT_SECONDS = 30
"""For others who write."""


@contextmanager
def transaction(path: Path, elsewhere: str) -> Iterator[sqlite3.Connection]:
    """A connection whose changes are kept together, or not at all.

    Args:
        path: Of the file.
        elsewhere: How to keep it in another place, as said to the user.

    Raises:
        ConfigError: There is no room.
        DatabaseError: Whatever else SQLite says.
    """
    try:
        db = sqlite3.connect(path, timeout=WAIT_SECONDS)
        try:
            with db:
                yield db
        finally:
            db.close()
    except sqlite3.DatabaseError as error:
        if is_disk_full(error, path.parent):
            raise disk_full_error(path.parent, elsewhere) from error
        raise
