"""A content-addressed store of folders: whole or absent, checked when read."""

import hashlib
import json
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from acclimate.core.errors import ConfigError
from acclimate.core.provenance import Provenance, Trace, is_stale_taken, note_made
from acclimate.core.record import digest
from acclimate.core.source_code.running_code import RUNNING
from acclimate.core.storage.disk_space import disk_full_error, is_disk_full

ARTIFACT_FILE = "artifact.json"
_ASIDE = ".writing-"
"""Begins the name of what is being written; the writer's machine and process follow."""
_ELSEWHERE = "set ACCLIMATE_HOME to a folder on another disk"


class Store:
    """Folders by key. A folder is written aside and renamed, so no reader sees half of one."""

    def __init__(self, root: Path) -> None:
        """Use (and make when first written) the folder `root`."""
        self.root = root

    def get(self, key: str, artifacts: Mapping[str, str] | None = None) -> Path | None:
        """The folder, if it is there, whole, and would be made the same way today.

        A damaged one is removed, so that it is made again. One that would be made otherwise is
        given where that is asked for (`taking_stale`).

        Args:
            key: What it is found by.
            artifacts: What is known of what it was made from: key → digest of the content.
        """
        folder = self._folder(key)
        try:
            files = json.loads((folder / ARTIFACT_FILE).read_text())["files"]
            # Files that a library adds while it reads (locks) do no harm: what was stored counts.
            intact = files.items() <= _hashes(folder).items()
        except (OSError, ValueError, KeyError):
            intact = False
        if not intact and folder.exists():
            shutil.rmtree(folder)
        if not intact or (self.stale(key, artifacts) and not is_stale_taken()):
            return None
        note_made(self.made_by(key))
        return folder

    def has(self, key: str) -> bool:
        """Whether something is there, whole or not, made the same way or not."""
        return (self._folder(key) / ARTIFACT_FILE).is_file()

    def stale(self, key: str, artifacts: Mapping[str, str] | None = None) -> tuple[str, ...]:
        """Why what is there would be made otherwise today; empty: it would not."""
        return self.made_by(key).stale(artifacts)

    def made_by(self, key: str) -> Provenance:
        """By what it was made, itself among what the next is made from; empty: not known."""
        return made_by(self._folder(key))

    def about(self, key: str) -> dict[str, Any]:
        """What was noted with the folder when it was stored."""
        note: dict[str, Any] = json.loads((self._folder(key) / ARTIFACT_FILE).read_text())["about"]
        return note

    def remove(self, key: str) -> None:
        """Forget a folder."""
        shutil.rmtree(self._folder(key), ignore_errors=True)

    @contextmanager
    def put(self, key: str, about: dict[str, Any], trace: Trace) -> Iterator[Path]:
        """Give a folder to write into; keep it under `key` if the body succeeds.

        What was there and would be made otherwise today gives way.

        Args:
            key: Hexadecimal digest of what was asked for: of all that the content follows from,
                but the code.
            about: Plain data to keep beside it; the body may still add to it.
            trace: Listens meanwhile by what it is made; the body may still add to it.

        Raises:
            ConfigError: The store cannot be written, there is no room on the disk, or code was
                changed before it was imported.
        """
        aside = self._aside()
        try:
            with trace.listening():
                yield aside
            made_by = trace.provenance().model_dump()
            note = {"about": about, "files": _hashes(aside), "made_by": made_by}
            (aside / ARTIFACT_FILE).write_text(json.dumps(note, indent=2))
            self._keep(aside, key)
            note_made(self.made_by(key))
            RUNNING.remember()
        except Exception as error:
            if is_disk_full(error, self.root):
                raise disk_full_error(self.root, _ELSEWHERE) from error
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
            if is_disk_full(error, self.root):
                raise disk_full_error(self.root, _ELSEWHERE) from error
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

    def _keep(self, aside: Path, key: str) -> None:
        folder = self._folder(key)
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            if self.has(key) and self.stale(key):
                self._clear(folder)
            aside.rename(folder)
        except OSError:
            # Another process stored the same content first: keep theirs.
            if not (folder / ARTIFACT_FILE).exists():
                raise

    def _clear(self, folder: Path) -> None:
        """Out of the way at once, so that no reader meets half of it; then removed."""
        away = self._aside()
        with suppress(FileNotFoundError):  # another process was quicker
            folder.rename(away / folder.name)
        shutil.rmtree(away, ignore_errors=True)

    def _folder(self, key: str) -> Path:
        return self.root / key[:2] / key


def made_by(folder: Path) -> Provenance:
    """By what the content of a store's folder was made; empty: it is not known."""
    try:
        note = json.loads((folder / ARTIFACT_FILE).read_text())
        recorded = Provenance.model_validate(note["made_by"])
        artifacts = {**recorded.artifacts, folder.name: digest(note["files"])}
    except (OSError, ValueError, KeyError):
        return Provenance()
    return recorded.model_copy(update={"artifacts": artifacts})


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
        if path.is_file() and path.name != ARTIFACT_FILE
    }


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
