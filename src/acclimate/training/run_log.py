"""The log of a run: a line of JSON a step, and the trackers that are chosen."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from acclimate.core.storage.atomic import write_whole
from acclimate.core.storage.disk_space import disk_full_error, is_disk_full
from acclimate.training.trackers import tracker

_FILE = "journal.jsonl"


class RunLog:
    """Appends to `journal.jsonl` in a folder; a resumed run continues at its checkpoint's step."""

    def __init__(self, folder: Path, trackers: Sequence[str] = ()) -> None:
        """Log into a folder, and to trackers by name: `tensorboard`, `mlflow`, `trackio`.

        Raises:
            UnknownNameError: There is no such tracker.
            MissingExtraError: Its library is not installed.
        """
        self.path = folder / _FILE
        self._trackers = [tracker(name, folder) for name in trackers]

    def log(self, step: int, **values: Any) -> None:
        """Append a line with the number of the step and what was measured.

        Raises:
            ConfigError: There is no room on the disk.
        """
        line = json.dumps({"step": step, **values}) + "\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(line)
        except OSError as error:
            if is_disk_full(error, self.path.parent):
                raise disk_full_error(self.path, "give another --out") from error
            raise
        numbers = {k: float(v) for k, v in values.items() if isinstance(v, int | float)}
        for each in self._trackers:
            each.log(step, numbers)

    def rewind(self, step: int) -> None:
        """Remove what was logged after `step` (all with -1), and half a line at the end."""
        if self.path.exists():
            write_whole(self.path, "".join(self._until(step)))

    def close(self) -> None:
        """Flush and close the trackers."""
        for each in self._trackers:
            each.close()

    def _until(self, step: int) -> list[str]:
        lines = []
        for line in self.path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                entry: Mapping[str, Any] = json.loads(line)
            except ValueError:
                break
            if entry["step"] <= step:
                lines.append(line + "\n")
        return lines
