"""Tables of answers that some system gave, one row an item or one a choice."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from acclimate.core.errors import DataError
from acclimate.data.tables.column_names import ITEM, SYSTEM, as_id, as_number, find_column
from acclimate.data.tables.read_rows import read_rows
from acclimate.data.tables.text_lines import line_location

_NAMES = {
    "item": ITEM,
    "system": SYSTEM,
    "answer": ("answer", "completion", "output", "response", "prediction"),
    "choice": ("choice",),
    "logprob": ("logprob", "log_prob", "loglikelihood"),
    "prompt_tokens": ("prompt_tokens", "num_prompt_tokens", "input_tokens"),
    "new_tokens": ("new_tokens", "num_new_tokens", "output_tokens", "num_tokens"),
    "seconds": ("seconds", "latency_seconds", "latency"),
    "usd": ("usd", "cost", "cost_usd"),
}
"""Column → what tools call it."""


@dataclass(frozen=True, slots=True)
class RecordedAnswer:
    """One row."""

    item: str
    text: str
    """The answer, or the choice that was weighed."""
    is_choice: bool
    logprob: float | None = None
    """Of the text, nats."""
    prompt_tokens: int = 0
    new_tokens: int = 0
    seconds: float | None = None
    usd: float | None = None

    def columns(self) -> dict[str, Any]:
        """The row as it can be read again."""
        values = {k: v for k, v in asdict(self).items() if v is not None}
        text, is_choice = values.pop("text"), values.pop("is_choice")
        return {**values, "choice" if is_choice else "answer": text}


@dataclass(frozen=True)
class RecordedAnswers:
    """All rows of one item: its answer, its weighed choices, or both."""

    rows: tuple[RecordedAnswer, ...]

    @cached_property
    def by_text(self) -> Mapping[str, RecordedAnswer]:
        """Rows by their text without blanks around it; weighed choices go before the answer."""
        ordered = sorted(self.rows, key=lambda row: row.is_choice)
        return {row.text.strip(): row for row in ordered}

    @cached_property
    def given(self) -> tuple[RecordedAnswer, ...]:
        """The answer, if there is one."""
        return tuple(row for row in self.rows if not row.is_choice)

    @cached_property
    def weighed(self) -> tuple[RecordedAnswer, ...]:
        """The weighed choices."""
        return tuple(row for row in self.rows if row.is_choice)

    @property
    def best(self) -> RecordedAnswer:
        """The answer; where there is none, the likeliest choice."""
        return self.given[0] if self.given else max(self.weighed, key=lambda r: r.logprob or 0.0)


def read_answers(path: Path | str, system: str = "") -> dict[str, RecordedAnswers]:
    """Read one system's rows by item id.

    Args:
        path: CSV, TSV, JSONL, JSON or Parquet.
        system: Whose rows; empty where the table holds one system.

    Raises:
        DataError: A column is missing or malformed, an item has two answers or one choice twice,
            or the table holds several systems and none or an unknown one was named.
    """
    by_item: dict[str, dict[tuple[bool, str], RecordedAnswer]] = {}
    systems: dict[str, None] = {}
    for line, row in read_rows(path):
        owner = _text(row, "system")
        systems[owner] = None
        if system and owner != system:
            continue
        answer = _answer(path, line, row)
        rows = by_item.setdefault(answer.item, {})
        key = (answer.is_choice, answer.text.strip() if answer.is_choice else "")
        # Without a named system, several of them are what is wrong, not the second answer.
        if key in rows and (system or len(systems) == 1):
            what = f"row of the choice '{key[1]}'" if answer.is_choice else "answer"
            raise DataError(f"{line_location(path, line)}: a second {what} of item '{answer.item}'")
        rows[key] = answer
    _check_systems(path, system, list(systems))
    return {item: RecordedAnswers(tuple(rows.values())) for item, rows in by_item.items()}


def _check_systems(path: Path | str, system: str, systems: list[str]) -> None:
    if system and system not in systems:
        known = ", ".join(filter(None, systems)) or "nameless rows"
        raise DataError(f"{path}: has no system '{system}', only {known}")
    if not system and len(systems) > 1:
        raise DataError(
            f"{path}: holds {len(systems)} systems ({', '.join(systems)}); "
            f"name one: system={systems[0]}"
        )


def _answer(path: Path | str, line: int, row: dict[str, Any]) -> RecordedAnswer:
    item = _text(row, "item")
    # In CSV a table of both kinds has both columns in every row, one of them empty.
    is_choice = _text(row, "choice") != ""
    column = _columns(tuple(row)).get("choice" if is_choice else "answer")
    logprob = _number(path, line, row, "logprob")
    missing = {
        "item": not item,
        "answer": column is None or row[column] is None,
        "logprob": is_choice and logprob is None,
    }
    if any(missing.values()):
        raise DataError(
            f"{line_location(path, line)}: has no "
            f"'{max(missing, key=lambda name: missing[name])}', only "
            f"{', '.join(row)}; a row has item and answer, or item, choice and logprob"
        )
    return RecordedAnswer(
        item=item,
        text=str(row[str(column)]),
        is_choice=is_choice,
        logprob=logprob,
        prompt_tokens=int(_number(path, line, row, "prompt_tokens") or 0),
        new_tokens=int(_number(path, line, row, "new_tokens") or 0),
        seconds=_number(path, line, row, "seconds"),
        usd=_number(path, line, row, "usd"),
    )


@lru_cache(maxsize=64)
def _columns(columns: tuple[str, ...]) -> dict[str, str]:
    """Which of a row's columns is what; cached, as most rows have the same."""
    by_meaning = {what: find_column(columns, names) for what, names in _NAMES.items()}
    return {what: column for what, column in by_meaning.items() if column is not None}


def _text(row: dict[str, Any], what: str) -> str:
    return as_id(row.get(_columns(tuple(row)).get(what, "")))


def _number(path: Path | str, line: int, row: dict[str, Any], what: str) -> float | None:
    column = _columns(tuple(row)).get(what)
    if column is None:
        return None
    sign = -1 if what == "logprob" else 1
    try:
        number = as_number(row[column])
    except ValueError:
        number = float(-sign)
    if number is not None and sign * number < 0:
        raise DataError(
            f"{line_location(path, line)}: {column}={row[column]!r}, must be a finite number, "
            f"{'at most' if sign < 0 else 'at least'} 0"
        )
    return number
