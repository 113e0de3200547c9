"""The documents of a corpus being built: texts on disk, numbers in memory."""

import json
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Self

import numpy as np
import numpy.typing as npt

from acclimate.core.runtime.seeding import derive
from acclimate.data.corpus.clean import Cleaned
from acclimate.data.corpus.read_documents import Unread
from acclimate.data.corpus.summary import MALFORMED

_DROPPED = "dropped.jsonl"


class Ledger:
    """Takes documents in the order they are read; 40 bytes a document stay in memory."""

    def __init__(self, folder: Path, work: Path, seed: int) -> None:
        """List what is dropped in `folder`; keep clean texts in `work`; `seed` is the splits'."""
        self.signatures = work / "signatures.bin"
        self.dropped: Counter[str] = Counter()
        self.lines_dropped: Counter[str] = Counter()
        self.unreadable: list[str] = []
        self.num_documents_read = self.num_bytes_read = 0
        self.first_dropped = ""
        self._seed = seed
        self._texts, self._places = work / "texts.jsonl", work / "places.jsonl"
        self._numbers = {name: array("Q") for name in ("content", "origin", "bytes", "chars")}
        self._place_starts = array("Q")
        self._open = ExitStack()
        self._dropped_file = self._open.enter_context((folder / _DROPPED).open("wb"))
        paths = (self._texts, self._places, self.signatures)
        self._files = [self._open.enter_context(path.open("w+b")) for path in paths]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def add(self, cleaned: Cleaned) -> None:
        """Note a document and what became of it."""
        self.num_documents_read += 1
        self.num_bytes_read += cleaned.num_bytes_read
        self.lines_dropped.update(cleaned.lines_dropped)
        raw = cleaned.raw
        if cleaned.reason:
            self.drop(raw.id, raw.place, cleaned.reason)
            return
        texts, places, signatures = self._files
        origin = derive(self._seed, raw.origin)
        values = (cleaned.content, origin, cleaned.num_bytes, len(cleaned.text))
        for numbers, value in zip(self._numbers.values(), values, strict=True):
            numbers.append(value)
        texts.write(json_line({"id": raw.id, "text": cleaned.text}))
        self._place_starts.append(places.tell())
        places.write(json_line({"id": raw.id, "place": raw.place}))
        signatures.write(cleaned.signature)

    def unread(self, failure: Unread) -> None:
        """Note what could not be read: a row is a document that is dropped, a file is none."""
        if failure.is_file:
            self.unreadable.append(failure.reason)
            self._list(failure.id, failure.place, f"unreadable_file: {failure.reason}")
        else:
            self.num_documents_read += 1
            self.drop(failure.id, failure.place, f"{MALFORMED}: {failure.reason}")

    def drop(self, document_id: str, location: str, reason: str) -> None:
        """Count and list a document that is not in the corpus; the reason begins with its rule."""
        self.dropped[reason.partition(":")[0]] += 1
        self._list(document_id, location, reason)

    def _list(self, document_id: str, location: str, reason: str) -> None:
        self.first_dropped = self.first_dropped or f"{location}: {reason}"
        line = {"id": document_id, "place": location, "reason": reason}
        self._dropped_file.write(json_line(line))

    def flush(self) -> None:
        """Let everything that was added be read."""
        for file in (*self._files, self._dropped_file):
            file.flush()

    def __len__(self) -> int:
        return len(self._place_starts)

    def numbers(self, name: str) -> npt.NDArray[np.uint64]:
        """Of every document: `content` and `origin` (hashes), `bytes` or `chars` of its text."""
        return np.frombuffer(self._numbers[name], dtype=np.uint64)

    def lines(self) -> Iterator[bytes]:
        """Every document as the line of JSON that stands for it in its split."""
        with self._texts.open("rb") as file:
            yield from file

    def whereabouts(self, number: int) -> Mapping[str, str]:
        """Id and place of a document."""
        places: IO[bytes] = self._files[1]
        places.seek(self._place_starts[number])
        origin: Mapping[str, str] = json.loads(places.readline())
        return origin


def json_line(value: Mapping[str, str]) -> bytes:
    """A line of JSONL; names of files may hold what is no character."""
    return (json.dumps(value, ensure_ascii=False) + "\n").encode("utf-8", "replace")
