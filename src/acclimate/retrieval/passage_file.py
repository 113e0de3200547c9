"""Passages in a file, read one at a time by number."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import overload

import numpy as np

from acclimate.core.prompt import Passage


def write_passages(folder: Path, passages: Sequence[Passage]) -> None:
    """Write passages as JSON lines, and the offset at which each line begins."""
    begins = np.zeros(len(passages) + 1, np.int64)
    with (folder / "passages.jsonl").open("wb") as file:
        for number, passage in enumerate(passages, start=1):
            parts = [passage.document, passage.title, passage.text]
            file.write(json.dumps(parts, ensure_ascii=False).encode() + b"\n")
            begins[number] = file.tell()
    np.save(folder / "begins.npy", begins)


class PassageFile(Sequence[Passage]):
    """Passages by number, each read from the file when it is accessed."""

    def __init__(self, folder: Path) -> None:
        """Open what `write_passages` wrote."""
        self._lines = np.memmap(folder / "passages.jsonl", mode="r")
        self._begins = np.load(folder / "begins.npy", mmap_mode="r", allow_pickle=False)

    def __len__(self) -> int:
        """Count the passages."""
        return len(self._begins) - 1

    @overload
    def __getitem__(self, number: int) -> Passage: ...
    @overload
    def __getitem__(self, number: slice) -> list[Passage]: ...
    def __getitem__(self, number: int | slice) -> Passage | list[Passage]:
        """Read a passage, or several."""
        if isinstance(number, slice):
            return [self[n] for n in range(*number.indices(len(self)))]
        if not 0 <= number < len(self):
            raise IndexError(number)
        line = self._lines[self._begins[number] : self._begins[number + 1]].tobytes()
        return Passage(*json.loads(line))

    def __iter__(self) -> Iterator[Passage]:
        """Read all in order."""
        return (self[number] for number in range(len(self)))
