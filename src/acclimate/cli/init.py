"""Make a small domain folder that works, to be filled with your own data."""

import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from acclimate.cli._example_domain import example_files
from acclimate.cli._terminal import echo
from acclimate.core.errors import ConfigError


def run(folder: Annotated[Path, typer.Argument(help="A new folder, or an empty one.")]) -> None:
    """Make a small domain folder that works, to be filled with your own data."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"{folder}: is there and not empty; name a new folder")
    files = example_files()
    _write(folder, files)
    echo(f"{folder}: wrote {', '.join(sorted(files))}")
    echo(f"Put your own rows and documents there, then: acclimate check {folder}")


def _write(folder: Path, files: dict[str, str]) -> None:
    """All files or none: they are written aside and renamed."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".init-", dir=folder.parent))
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be written ({error.strerror})") from None
    try:
        for name, text in files.items():
            path = aside / "domain" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        if folder.exists():  # perhaps the one we stand in: fill it, do not replace it
            for part in (aside / "domain").iterdir():
                part.rename(folder / part.name)
        else:
            (aside / "domain").rename(folder)
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be written ({error.strerror})") from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)
