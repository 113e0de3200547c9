"""Documents out of files, one at a time, texts in parts of bounded size."""

import json
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

from acclimate.core.errors import DataError
from acclimate.core.runtime.progress import Advance
from acclimate.data.corpus.sources import CorpusSource, unpacked
from acclimate.data.corpus.text_blocks import cut_blocks, decode_bytes, read_blocks
from acclimate.data.tables.column_names import as_id
from acclimate.data.tables.read_rows import json_row
from acclimate.data.tables.text_lines import line_location

MAX_PAGE_BYTES = 16 * 2**20
"""A page is parsed as a whole; longer ones are refused."""
MAX_ROW_BYTES = 32 * 2**20
"""Likewise a line of JSONL."""
_ROWS_AT_ONCE, _BUFFER_BYTES = 256, 2**20
"""Of Parquet; without the buffer a whole column of a row group is read at once."""


class RawDocument(NamedTuple):
    """A text as it was found."""

    id: str
    """Of the row, else the file's name and line; parts after the first end in `#2`, `#3`."""
    origin: str
    """The id without the part: documents of one origin stand in one split."""
    place: str
    """File and line."""
    kind: Literal["page", "markdown", "plain"]
    """What markup it has."""
    text: str
    """Decoded, not yet clean."""


class Unread(NamedTuple):
    """A row, or a whole file from some point on, that could not be read."""

    id: str
    place: str
    reason: str
    is_file: bool


def read_source(
    source: CorpusSource, advance: Advance, *, is_strict: bool = False
) -> Iterator[RawDocument | Unread]:
    """Every document of a file, and what could not be read.

    Args:
        source: The file.
        advance: Told how many bytes were read.
        is_strict: Whether to raise where something cannot be read.

    Raises:
        DataError: Something cannot be read, and `is_strict`.
    """
    try:
        with unpacked(source, advance) as file:
            for document in _READERS[source.kind](source, file):
                if is_strict and isinstance(document, Unread):
                    raise DataError(document.reason)
                yield document
    except _unreadable() as error:
        reason = _sentence(source.path, error)
        if is_strict:
            raise DataError(reason) from error
        yield Unread(source.name, str(source.path), reason, is_file=True)


def _unreadable() -> tuple[type[Exception], ...]:
    from lzma import LZMAError
    from zlib import error as ZlibError  # noqa: N812

    from pyarrow import ArrowException
    from zstandard import ZstdError

    return (OSError, EOFError, LZMAError, ZlibError, ZstdError, ArrowException, DataError)


def _sentence(path: Path, error: Exception) -> str:
    if isinstance(error, DataError):
        return str(error)
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return f"{path}: cannot be read ({reason})"


def _plain(source: CorpusSource, file: IO[bytes]) -> Iterator[RawDocument]:
    kind: Literal["markdown", "plain"] = "markdown" if source.kind == "markdown" else "plain"
    for number, text in enumerate(read_blocks(source.path, file), start=1):
        yield _part(source.name, number, str(source.path), kind, text)


def _page(source: CorpusSource, file: IO[bytes]) -> Iterator[RawDocument]:
    content = file.read(MAX_PAGE_BYTES + 1)
    if len(content) > MAX_PAGE_BYTES:
        raise DataError(
            f"{source.path}: is longer than {MAX_PAGE_BYTES >> 20} MiB, too long for one page; "
            "cut it, or rename it to .txt"
        )
    yield _part(source.name, 1, str(source.path), "page", decode_bytes(content))


def _json(source: CorpusSource, file: IO[bytes]) -> Iterator[RawDocument | Unread]:
    """JSONL under another name, or plain text."""
    head = file.readline(MAX_ROW_BYTES)
    try:
        is_row = isinstance(json.loads(head), dict) and b"\n" in head
    except ValueError:
        is_row = False
    if is_row:
        yield from _rows(source, file, head)
    else:
        for number, text in enumerate(read_blocks(source.path, file, head), start=1):
            yield _part(source.name, number, str(source.path), "plain", text)


def _rows(
    source: CorpusSource, file: IO[bytes], head: bytes = b""
) -> Iterator[RawDocument | Unread]:
    lines = iter(lambda: file.readline(MAX_ROW_BYTES), b"")
    for number, line in enumerate(chain([head] if head else [], lines), start=1):
        if len(line) == MAX_ROW_BYTES:
            where = line_location(source.path, number)
            raise DataError(f"{where}: is longer than {MAX_ROW_BYTES >> 20} MiB; cut the text")
        if not line.isspace():
            try:
                row = json_row(source.path, number, decode_bytes(line))
                yield from _row_documents(source, number, row)
            except DataError as error:
                yield Unread(
                    f"{source.name}:{number}",
                    line_location(source.path, number),
                    str(error),
                    is_file=False,
                )


def _table(source: CorpusSource, file: IO[bytes]) -> Iterator[RawDocument | Unread]:
    from pyarrow import parquet

    with parquet.ParquetFile(file, buffer_size=_BUFFER_BYTES, pre_buffer=False) as table:
        columns = [name for name in ("id", "title", "text") if name in table.schema_arrow.names]
        if "text" not in columns:
            names = ", ".join(table.schema_arrow.names)
            raise DataError(f"{source.path}: has no column 'text'; its columns are {names}")
        batches = table.iter_batches(batch_size=_ROWS_AT_ONCE, columns=columns)
        rows = chain.from_iterable(batch.to_pylist() for batch in batches)
        for number, row in enumerate(rows, start=1):
            try:
                yield from _row_documents(source, number, row)
            except DataError as error:
                where = line_location(source.path, number)
                yield Unread(f"{source.name}:{number}", where, str(error), is_file=False)


def _row_documents(source: CorpusSource, number: int, row: dict[str, Any]) -> Iterator[RawDocument]:
    text, title = row.get("text"), row.get("title")
    where = line_location(source.path, number)
    if not isinstance(text, str):
        got = f"its columns are {', '.join(row)}" if text is None else f"it is {text!r:.40}"
        raise DataError(f"{where}: 'text' must be a string; {got}")
    if isinstance(title, str) and not text.startswith(title):
        text = f"{title}\n\n{text}"
    row_id = as_id(row.get("id")) or f"{source.name}:{number}"
    for part, piece in enumerate(cut_blocks(text), start=1):
        yield _part(row_id, part, where, "plain", piece)


def _part(
    name: str, number: int, where: str, kind: Literal["page", "markdown", "plain"], text: str
) -> RawDocument:
    return RawDocument(name if number == 1 else f"{name}#{number}", name, where, kind, text)


_READERS: dict[str, Callable[[CorpusSource, IO[bytes]], Iterator[RawDocument | Unread]]] = {
    "rows": _rows,
    "json": _json,
    "table": _table,
    "page": _page,
    "markdown": _plain,
    "plain": _plain,
}
