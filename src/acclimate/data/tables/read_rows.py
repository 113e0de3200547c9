"""Rows of CSV, TSV, JSONL, JSON and Parquet files, each with its line number."""

import csv
import json
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from acclimate.core.errors import DataError
from acclimate.data.tables.text_lines import line_location, text_lines

TableRow = tuple[int, dict[str, Any]]
"""Line in the file where the row begins (1-based), and its columns."""

MAX_FIELD_CHARS = 2**30
"""Longest CSV field; Python's own limit of 131,072 is shorter than many documents."""


def read_rows(path: Path | str) -> Iterator[TableRow]:
    """Read a table one row at a time.

    The format follows the ending: `.csv`, `.tsv`, `.jsonl`, `.ndjson`, `.json` (a list of
    objects, or JSONL), `.parquet`. CSV values are text; the others keep their types.

    Returns:
        (line, row) pairs. Lines count from 1, in CSV with the header as line 1. In Parquet, and
        in a `.json` list, the number is the row's.

    Raises:
        DataError: There is no such file (at once), it has no rows, or it is malformed (when the
            reading gets there); the message names file and line.
    """
    path = Path(path)
    reader = _READERS.get(path.suffix.lower())
    if not path.exists():
        raise DataError(f"{path}: no such file")
    if reader is None or path.is_dir():
        kind = "is a folder" if path.is_dir() else f"is of unknown format '{path.suffix}'"
        raise DataError(f"{path}: {kind}; a table ends in {', '.join(sorted(_READERS))}")
    return _refuse_empty(path, reader(path))


def _refuse_empty(path: Path, rows: Iterator[TableRow]) -> Iterator[TableRow]:
    try:
        first = next(rows, None)
        if first is None:
            raise DataError(f"{path}: is empty; it needs at least one row")
        yield first
        yield from rows
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error


def _csv_rows(path: Path) -> Iterator[TableRow]:
    csv.field_size_limit(MAX_FIELD_CHARS)
    lines = text_lines(path)
    first = next(lines, "")
    reader = csv.reader(chain([first], lines), delimiter=_delimiter(path, first), strict=True)
    line = 1
    try:
        header = next(filter(None, reader), [])
        _check_header(path, header)
        line = reader.line_num + 1
        for fields in reader:
            if fields:
                yield line, _csv_row(path, line, header, fields)
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(
            f"{line_location(path, line)}: malformed CSV ({error}); put a field with quotes or "
            "line "
            'breaks between " and double the quotes in it'
        ) from None


def _delimiter(path: Path, header: str) -> str:
    if path.suffix.lower() == ".tsv":
        return "\t"
    # Spreadsheets write semicolons wherever the comma is the decimal sign.
    return next((mark for mark in ",;\t" if mark in header), ",")


def _check_header(path: Path, header: list[str]) -> None:
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise DataError(
            f"{line_location(path, 1)}: the header names {', '.join(map(repr, twice))} twice"
        )


def _csv_row(path: Path, line: int, header: list[str], fields: list[str]) -> dict[str, Any]:
    if len(fields) != len(header):
        raise DataError(
            f"{line_location(path, line)}: has {len(fields)} fields where the header "
            f"has {len(header)} "
            f"({', '.join(header)}); put fields with commas between quotes"
        )
    return dict(zip(header, fields, strict=True))


def _jsonl_rows(path: Path) -> Iterator[TableRow]:
    for number, line in enumerate(text_lines(path), start=1):
        if line.strip():
            yield number, json_row(path, number, line)


def json_row(path: Path, number: int, line: str) -> dict[str, Any]:
    """The object on one line of a JSONL file.

    Args:
        path: The file, for the message.
        number: Of the line, from 1.
        line: Its text, not blank.

    Raises:
        DataError: It is malformed or no object; the message names file and line.
    """
    return _object(line_location(path, number), _json(path, number, line.strip()))


def _json_rows(path: Path) -> Iterator[TableRow]:
    text = "".join(text_lines(path))
    if not text.lstrip().startswith("["):
        yield from _jsonl_rows(path)
        return
    for number, value in enumerate(_json(path, 1, text), start=1):
        yield number, _object(line_location(path, number), value)


def _object(where: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise DataError(f"{where}: must be a JSON object {{…}}, got {json.dumps(value)[:40]}")
    return value


def _json(path: Path, line: int, text: str) -> Any:
    try:
        value = json.loads(text)
        if "\\ud" in text.lower():
            json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        where = f"{path}, line {line + error.lineno - 1}, column {error.colno}"
        fault = error.msg.removesuffix(" at")
        raise DataError(
            f"{where}: malformed JSON ({fault}); write whole objects {{…}}, in .jsonl one a line, "
            'with texts between " and their line breaks as \\n'
        ) from None
    except UnicodeEncodeError:
        raise DataError(
            f"{line_location(path, line)}: has half a character (a lone \\ud…)"
        ) from None
    except RecursionError:
        raise DataError(f"{line_location(path, line)}: is nested too deeply") from None
    return value


def _parquet_rows(path: Path) -> Iterator[TableRow]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as table:
            batches = (batch.to_pylist() for batch in table.iter_batches())
            yield from enumerate(chain.from_iterable(batches), start=1)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(f"{path}: is not a readable Parquet file ({error})") from None


_READERS: dict[str, Callable[[Path], Iterator[TableRow]]] = {
    ".csv": _csv_rows,
    ".tsv": _csv_rows,
    ".jsonl": _jsonl_rows,
    ".ndjson": _jsonl_rows,
    ".json": _json_rows,
    ".parquet": _parquet_rows,
}
