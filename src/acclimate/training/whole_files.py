"""Files and folders of a run, written whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from acclimate.core.room import is_no_room, no_room
from acclimate.text.corpus.whole_folder import whole_folder

_ELSEWHERE = "give another --out"


def write_whole(path: Path, text: str) -> None:
    """Put a text in the place of a file, or leave the file as it was; its folder is made.

    Raises:
        ConfigError: There is no room on the disk.
    """
    aside = path.with_name(f".{path.name}.writing-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.write_text(text, encoding="utf-8")
        aside.replace(path)
    except OSError as error:
        if is_no_room(error, path.parent):
            raise no_room(path.parent, _ELSEWHERE) from error
        raise
    finally:
        aside.unlink(missing_ok=True)


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
        if is_no_room(error, folder.parent):
            raise no_room(folder, _ELSEWHERE) from error
        raise
