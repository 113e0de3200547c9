"""Files and folders that are written whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from acclimate.core.errors import ConfigError
from acclimate.core.storage.disk_space import disk_full_error, is_disk_full


@contextmanager
def whole_folder(folder: Path, marker: str) -> Iterator[Path]:
    """Give a folder to write into; it takes the place of `folder` if the body succeeds.

    What a killed process left beside it is removed.

    Args:
        folder: Where it will stand; its parents are made.
        marker: The file by which a folder of this kind is known. A folder that has other files
            and not this one is not replaced.

    Raises:
        ConfigError: The folder holds something else, cannot be written, or the disk is full.
    """
    folder = folder.resolve()
    if folder.exists() and not (folder / marker).exists() and not _is_empty(folder):
        raise ConfigError(
            f"{folder}: holds something else (there is no {marker}); name a new or empty folder"
        )
    try:
        aside = _aside(folder)
        try:
            yield aside
            _replace(folder, aside)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    except OSError as error:
        if is_disk_full(error, folder.parent):
            raise disk_full_error(folder, "name a folder on another disk") from error
        raise


def _aside(folder: Path) -> Path:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        prefix = f".{folder.name}.writing-"
        for left in folder.parent.glob(f"{prefix}*"):
            writer = left.name.removeprefix(prefix).partition("-")[0]
            if writer.isdigit() and not psutil.pid_exists(int(writer)):
                shutil.rmtree(left, ignore_errors=True)
        return Path(tempfile.mkdtemp(prefix=f"{prefix}{os.getpid()}-", dir=folder.parent))
    except (PermissionError, FileExistsError, NotADirectoryError) as error:
        raise ConfigError(
            f"{folder}: cannot be written ({error.strerror}); name another folder"
        ) from error


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and next(folder.iterdir(), None) is None


def _replace(folder: Path, aside: Path) -> None:
    """Rename, with the old folder out of the way for as long as that takes."""
    aside.chmod(0o755)  # a temporary folder is the user's alone
    if not folder.exists():
        aside.rename(folder)
        return
    old = aside.with_name(f"{aside.name}-old")
    folder.rename(old)
    aside.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


_ELSEWHERE = "give another --out"


def replace_text(path: Path, text: str) -> None:
    """Put a text in the place of a file, or leave the file as it was; its folder is made.

    Raises:
        OSError: It cannot be written.
    """
    aside = path.with_name(f".{path.name}.writing-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.write_text(text, encoding="utf-8")
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def write_whole(path: Path, text: str) -> None:
    """The same for a file of a run, with a sentence where the disk is full.

    Raises:
        ConfigError: There is no room on the disk.
    """
    try:
        replace_text(path, text)
    except OSError as error:
        if is_disk_full(error, path.parent):
            raise disk_full_error(path.parent, _ELSEWHERE) from error
        raise


@contextmanager
def saved_whole(folder: Path, marker: str) -> Iterator[Path]:
    """Give a folder for libraries to save into; it takes the place of `folder` when they have.

    Args:
        folder: Where it will stand.
        marker: The file by which a folder of this kind is known; any other is not replaced.

    Raises:
        ConfigError: The folder holds something else, or there is no room on the disk.
    """
    try:
        with whole_folder(folder, marker) as aside:
            yield aside
    except Exception as error:  # writers in other languages have errors of their own
        if is_disk_full(error, folder.parent):
            raise disk_full_error(folder, _ELSEWHERE) from error
        raise
