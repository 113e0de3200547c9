"""The files of a corpus: the kind of each, and its bytes, unpacked."""

import gzip
import io
import lzma
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

from acclimate.core.errors import DataError
from acclimate.core.runtime.progress import Advance
from acclimate.data.corpus.zstd_file import ZstdFile

SourceKind = Literal["rows", "json", "table", "page", "markdown", "plain"]

_KINDS: dict[str, SourceKind] = {
    ".jsonl": "rows",
    ".ndjson": "rows",
    ".json": "json",
    ".parquet": "table",
    ".html": "page",
    ".htm": "page",
    ".xhtml": "page",
    ".md": "markdown",
    ".markdown": "markdown",
}
"""Every other file is plain text, code too."""
_PACKED = frozenset({".gz", ".zst", ".zstd", ".xz"})


class CorpusSource(NamedTuple):
    """One file."""

    path: Path
    name: str
    """As documents call it: its path within the folder that was given, with that folder's name."""
    kind: SourceKind
    num_bytes: int
    """On the disk, packed."""
    changed_ns: int
    """Time of the last change."""


def find_sources(paths: Sequence[Path]) -> list[CorpusSource]:
    """Every file that is given or lies below a folder that is given, hidden ones left out.

    Raises:
        DataError: There is no such path, or no file.
    """
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        raise DataError(f"{', '.join(missing)}: no such file or folder")
    sources = [
        _source(path, path.relative_to(root.parent).as_posix())
        for root in (path.absolute() for path in paths)
        for path in ([root] if root.is_file() else sorted(_files(root)))
    ]
    if not sources:
        given = ", ".join(map(str, paths)) or "no path was given"
        raise DataError(
            f"{given}: the corpus is empty; give files or folders of text, Markdown, HTML, JSONL "
            "or Parquet"
        )
    return sources


@contextmanager
def unpacked(source: CorpusSource, advance: Advance) -> Iterator[IO[bytes]]:
    """The bytes of a source, decompressed while they are read.

    Args:
        source: Packed or not.
        advance: Told how many bytes were read from the disk.
    """
    with io.BufferedReader(_Counted(source.path, advance)) as raw:
        match source.path.suffix.lower():
            case ".gz":
                reader: Any = gzip.GzipFile(fileobj=raw)
            case ".xz":
                reader = lzma.LZMAFile(raw)  # noqa: SIM115  (closed below)
            case ".zst" | ".zstd":
                reader = io.BufferedReader(ZstdFile(raw))
            case _:
                reader = raw
        with reader:
            yield reader


def _files(root: Path) -> Iterator[Path]:
    for path in root.rglob("*"):
        is_hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
        if path.is_file() and not is_hidden:
            yield path


def _source(path: Path, name: str) -> CorpusSource:
    inner = Path(path.stem) if path.suffix.lower() in _PACKED else path
    about = path.stat()
    kind = _KINDS.get(inner.suffix.lower(), "plain")
    return CorpusSource(path, name, kind, about.st_size, about.st_mtime_ns)


class _Counted(io.FileIO):
    def __init__(self, path: Path, advance: Advance) -> None:
        super().__init__(path)
        self._advance = advance

    def readinto(self, buffer: Any) -> int:
        num_bytes = super().readinto(buffer) or 0
        self._advance(num_bytes)
        return num_bytes
