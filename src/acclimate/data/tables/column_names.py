"""What tools call their columns, and the numbers in them."""

import math
from collections.abc import Iterable
from typing import Any

ITEM = ("item", "item_id", "id", "question_id", "example_id", "sample_id", "doc_id", "index")
"""Which question."""
SYSTEM = ("system", "system_id", "model", "model_id", "recipe", "method", "run")
"""Which system answered."""
SCORE = ("score", "value", "correct", "is_correct", "accuracy", "result")
"""How good the answer was."""
GROUP = ("group", "group_id", "cluster", "cluster_id")
"""Which items vary together."""

_WORDS = {**dict.fromkeys(("", "na", "n/a", "null", "none")), "true": 1.0, "false": 0.0}
"""What stands in place of a number, in lower case."""


def find_column(columns: Iterable[str], names: tuple[str, ...]) -> str | None:
    """The column with the first of the names that there is; case and outer blanks do not matter."""
    by_name = {column.strip().lower(): column for column in reversed(list(columns))}
    return next((by_name[name] for name in names if name in by_name), None)


def as_number(value: Any) -> float | None:
    """A cell as a number; None where it is missing, 1 and 0 for true and false.

    Raises:
        ValueError: It is something else, or infinite.
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        return _word(value)
    if math.isinf(number):
        raise ValueError(f"not a finite number: {value}")
    return None if math.isnan(number) else number


def as_id(value: Any) -> str:
    """A cell as an identifier; empty where there is none."""
    return "" if value is None else str(value).strip()


def _word(value: Any) -> float | None:
    word = str(value).strip().lower()
    if word not in _WORDS:
        raise ValueError(f"not a number: {word}")
    return _WORDS[word]
