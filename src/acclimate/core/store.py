"""A content-addressed store of folders: whole or absent, checked when read."""

import hashlib
import json
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from acclimate.core.errors import ConfigError
from acclimate.core.room import is_no_room, no_room

MANIFEST = "artifact.json"
_ASIDE = ".writing-"
"""Begins the name of what is being written; the writer's machine and process follow."""
_ELSEWHERE = "set ACCLIMATE_HOME to a folder on another disk"


def home() -> Path:
    """Where the store lies: `ACCLIMATE_HOME`, else the user's cache folder."""
    root = os.environ.get("ACCLIMATE_HOME")
    return Path(root).expanduser() if root else Path.home() / ".cache" / "acclimate"


class Store:
    """Folders by key. A folder is written aside and renamed, so no reader sees half of one."""

    def __init__(self, root: Path) -> None:
        """Use (and make when first written) the folder `root`."""
        self.root = root

    def get(self, key: str) -> Path | None:
        """The folder, if it is there and every file has the hash it was stored with.

        A damaged one is removed, so that it is made again.
        """
        folder = self._folder(key)
        try:
            about = json.loads((folder / MANIFEST).read_text())
            # Files that a library adds while it reads (locks) do no harm: what was stored counts.
            intact = about["files"].items() <= _hashes(folder).items()
        except (OSError, ValueError, KeyError):
            intact = False
        if not intact and folder.exists():
            shutil.rmtree(folder)
        return folder if intact else None

    def about(self, key: str) -> dict[str, Any]:
        """What was noted with the folder when it was stored."""
        note: dict[str, Any] = json.loads((self._folder(key) / MANIFEST).read_text())["about"]
        return note

    def remove(self, key: str) -> None:
        """Forget a folder."""
        shutil.rmtree(self._folder(key), ignore_errors=True)

    @contextmanager
    def put(self, key: str, about: dict[str, Any]) -> Iterator[Path]:
        """Give a folder to write into; keep it under `key` if the body succeeds.

        Args:
            key: Hexadecimal digest of all that the content follows from.
            about: Plain data to keep beside it; the body may still add to it.

        Raises:
            ConfigError: The store cannot be written, or there is no room on the disk.
        """
        aside = self._aside()
        try:
            yield aside
            note = {"about": about, "files": _hashes(aside)}
            (aside / MANIFEST).write_text(json.dumps(note, indent=2))
            self._keep(aside, self._folder(key))
        except Exception as error:
            if is_no_room(error, self.root):
                raise no_room(self.root, _ELSEWHERE) from error
            raise
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    def _aside(self) -> Path:
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            self._sweep()
            prefix = f"{_ASIDE}{socket.gethostname()}-{os.getpid()}-"
            return Path(tempfile.mkdtemp(prefix=prefix, dir=self.root))
        except OSError as error:
            if is_no_room(error, self.root):
                raise no_room(self.root, _ELSEWHERE) from error
            raise ConfigError(
                f"{self.root}: the store cannot be written ({error.strerror}); {_ELSEWHERE}"
            ) from error

    def _sweep(self) -> None:
        """Remove what writers left that were killed; what other machines write is theirs."""
        ours = f"{_ASIDE}{socket.gethostname()}-"
        for path in self.root.glob(f"{ours}*"):
            process = path.name.removeprefix(ours).partition("-")[0]
            if process.isdigit() and not _is_alive(int(process)):
                shutil.rmtree(path, ignore_errors=True)

    def _keep(self, aside: Path, folder: Path) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            aside.rename(folder)
        except OSError:
            # Another process stored the same content first: keep theirs.
            if not (folder / MANIFEST).exists():
                raise

    def _folder(self, key: str) -> Path:
        return self.root / key[:2] / key


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # there, and another user's
    return True


def _hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): _hash(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
