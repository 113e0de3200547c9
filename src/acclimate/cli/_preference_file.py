"""Judgements of answers, kept in a file as they are made, never asked twice."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from acclimate.core.domain import Preference
from acclimate.core.errors import ConfigError, DataError
from acclimate.tasks.files.folder.items import read_preferences

PASSED = ".passed"
"""Ends the name of the file beside, that keeps ties and skips; nobody trains on it."""


@dataclass
class Judgements:
    """Preferences in a JSONL file, and beside it the prompts that were passed over."""

    path: Path
    known: set[tuple[str, str]] = field(default_factory=set)
    """Task and prompt of all that was asked."""

    @classmethod
    def opened(cls, path: Path) -> "Judgements":
        """With what earlier sittings left.

        Raises:
            ConfigError: It is no JSONL file.
            DataError: A row of it is malformed.
        """
        if path.suffix != ".jsonl":
            raise ConfigError(
                f"{path}: preferences are kept as JSONL; name a file ending in .jsonl"
            )
        judgements = cls(path)
        if path.exists() and path.stat().st_size:
            judgements.known |= {(liked.task, liked.prompt) for liked in read_preferences(path)}
        judgements.known |= set(_passed(path.with_suffix(PASSED)))
        return judgements

    def keep(self, liked: Preference) -> None:
        """Add a preference."""
        self.known.add((liked.task, liked.prompt))
        _append(self.path, liked.model_dump())

    def pass_over(self, task: str, prompt: str, reason: str) -> None:
        """Do not ask again: it was a `tie`, or was to be skipped."""
        self.known.add((task, prompt))
        _append(self.path.with_suffix(PASSED), {"prompt": prompt, "task": task, "how": reason})


def _passed(path: Path) -> Iterator[tuple[str, str]]:
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
            yield row["task"], row["prompt"]
        except (ValueError, KeyError, TypeError):
            raise DataError(f"{path}, line {number}: malformed; drop the line") from None


def _append(path: Path, row: dict[str, Any]) -> None:
    """A line, on the disk before the next is asked."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                file.write(b"\n")
        file.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
