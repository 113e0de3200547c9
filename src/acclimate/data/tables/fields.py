"""Fields of a row of a user's table, read with a message that tells the mend."""

import json
import math
from collections.abc import Mapping
from typing import Any

TableFields = Mapping[str, Any]


class RowError(ValueError):
    """What is wrong with a row and the mend; who knows file and line puts them before it."""


def text_in(row: TableFields, name: str) -> str:
    """A column that must be text; numbers become text, lists and objects do not.

    Raises:
        RowError: It is missing or something else.
    """
    value = row.get(name)
    if value is None:
        raise RowError(f"has no '{name}'; add the column '{name}'")
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return str(value)
    raise RowError(f"{name}={value!r:.60}: must be text between quotes")


def texts_in(row: TableFields, name: str) -> tuple[str, ...]:
    """A column that may be missing or hold a list of texts; in CSV as JSON.

    Raises:
        RowError: It is something else.
    """
    value = row.get(name)
    if value is None or value == "":
        return ()
    if isinstance(value, str):
        value = json_list(name, value) if value.lstrip().startswith("[") else [value]
    if not isinstance(value, list | tuple):
        raise RowError(f'{name}={value!r:.60}: must be a list of texts, as ["one", "two"]')
    return tuple(text_in({name: part}, name) for part in value)


def json_list(name: str, value: str) -> Any:
    """JSON written into a text column.

    Raises:
        RowError: It is not JSON.
    """
    try:
        return json.loads(value)
    except ValueError:
        raise RowError(f'{name}={value!r:.60}: must be a JSON list, as ["one", "two"]') from None
