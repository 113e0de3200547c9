"""Per-item scores of several systems, read from the output of any tool."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from math import nan
from pathlib import Path
from typing import Any

import numpy as np

from acclimate.core.errors import DataError
from acclimate.core.types import Floats
from acclimate.data.tables.column_names import (
    GROUP,
    ITEM,
    SCORE,
    SYSTEM,
    as_id,
    as_number,
    find_column,
)
from acclimate.data.tables.read_rows import read_rows
from acclimate.data.tables.text_lines import line_location

SHAPES = (
    "a long table has the columns item, system, score and, if items vary together, group; "
    "a wide one has item, one column a system and, if need be, group"
)
"""What is allowed, as said in messages."""


@dataclass(frozen=True)
class Results:
    """Scores of the same items in one order."""

    items: tuple[str, ...]
    """Ids, in the order of the file."""
    clusters: tuple[str, ...]
    """The group of each item; its own id where it has none."""
    scores: dict[str, Floats]
    """System → score of each item, NaN where it has none."""


def read_results(path: Path | str) -> Results:
    """Read CSV, TSV, JSONL, JSON or Parquet, long or wide; which one follows from its columns.

    Raises:
        DataError: A column is missing, a score is not a number, an item has two scores of one
            system or is in two groups, there are fewer than two systems, or the file itself is
            malformed; the message names file and line.
    """
    path = Path(path)
    rows = read_rows(path)
    first = next(rows)
    reader = _reader(path, list(first[1]))
    for line, row in chain([first], rows):
        reader.add(line, row)
    return reader.results()


@dataclass(frozen=True)
class _Columns:
    item: str
    group: str | None
    system: str | None = None
    score: str | None = None


def _reader(path: Path, columns: list[str]) -> "_Reader":
    item, group = find_column(columns, ITEM), find_column(columns, GROUP)
    system, score = find_column(columns, SYSTEM), find_column(columns, SCORE)
    if item is None:
        raise _missing(path, "item", columns)
    if system is None:
        return _Reader(path, _Columns(item, group))
    if score is None:
        raise _missing(path, "score", columns)
    return _Reader(path, _Columns(item, group, system, score))


def _missing(path: Path, what: str, columns: list[str]) -> DataError:
    return DataError(f"{path}: has no column '{what}', only {', '.join(columns)}; {SHAPES}")


class _Reader:
    """Collects rows; keeps where each score came from only as long as needed to complain."""

    def __init__(self, path: Path, columns: _Columns) -> None:
        self._path = path
        self._columns = columns
        self._groups: dict[str, str] = {}
        self._scores: dict[str, dict[str, float]] = {}

    def add(self, line: int, row: dict[str, Any]) -> None:
        item = as_id(row.get(self._columns.item))
        if not item:
            raise self._error(line, f"has no '{self._columns.item}'; every row needs one")
        self._set_group(line, item, row)
        for system, value in self._cells(line, row):
            scores = self._scores.setdefault(system, {})
            if item in scores:
                raise self._error(
                    line,
                    f"a second score of '{system}' on item '{item}'; keep one, or their mean",
                )
            scores[item] = self._number(line, system, value)

    def results(self) -> Results:
        if len(self._scores) < 2:
            by_item = ", ".join(map(repr, self._scores)) or "none"
            raise DataError(
                f"{self._path}: has {len(self._scores)} system ({by_item}), "
                f"a comparison needs two; {SHAPES}"
            )
        items = tuple(self._groups)
        scores = {
            system: np.array([by_item.get(item, nan) for item in items])
            for system, by_item in self._scores.items()
        }
        return Results(items, tuple(self._groups.values()), scores)

    def _set_group(self, line: int, item: str, row: dict[str, Any]) -> None:
        group = as_id(row.get(self._columns.group)) if self._columns.group else ""
        known = self._groups.setdefault(item, group or item)
        if known != (group or item):
            raise self._error(line, f"item '{item}' is in group '{known}' and in '{group}'")

    def _cells(self, line: int, row: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        columns = self._columns
        if columns.system is None or columns.score is None:
            yield from ((k, v) for k, v in row.items() if k not in {columns.item, columns.group})
            return
        system = as_id(row.get(columns.system))
        if not system:
            raise self._error(line, f"has no '{columns.system}'; every row needs one")
        if columns.score not in row:
            raise self._error(line, f"has no '{columns.score}', only {', '.join(row)}")
        yield system, row[columns.score]

    def _number(self, line: int, system: str, value: Any) -> float:
        try:
            number = as_number(value)
        except ValueError:
            raise self._error(
                line,
                f"the score of '{system}' is {str(value)[:40]!r}, must be a finite number "
                f"(0.5), true or false, or empty where there is none; {SHAPES}",
            ) from None
        return nan if number is None else number

    def _error(self, line: int, problem: str) -> DataError:
        return DataError(f"{line_location(self._path, line)}: {problem}")
