"""Turn pydantic's report of wrong fields into one sentence."""

import re
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from acclimate.core.errors import UnknownNameError

_BRANCHES = re.compile(r"str|int|float|bool|list|dict|tuple|.*\[.+\]")
"""What pydantic adds to a place where a field may be of several types."""
_SHOULD = "input should be "
_WORDS = {
    "Value error, ": "",
    "Keyword argument should": "keys should",
    "valid dictionary or instance of": "mapping (name: value) of",
    "valid dictionary": "mapping (name: value)",
    "valid tuple": "list",
    "Tuple should": "should",
    " after validation": "",
}
"""pydantic's words that a user who writes YAML does not know, and ours."""


def sentence(owner: str, error: ValidationError, schema: type[BaseModel]) -> str:
    """One line: owner, field, value got, what is allowed; of an unknown field, the nearest."""
    said: dict[str, str] = {}
    for fault in error.errors():
        where, what = _part(dict(fault), schema)
        # Of a field that may be of several types each has its complaint: they are one.
        said[where] = f"{said[where]}, or {what.removeprefix(_SHOULD)}" if where in said else what
    return f"{owner}: " + "; ".join(f"{where}{what}" for where, what in said.items())


def _part(error: dict[str, Any], schema: type[BaseModel]) -> tuple[str, str]:
    """Where, with the value got, and what is wrong there; together they are the complaint."""
    path = [str(step) for step in error["loc"] if not _BRANCHES.fullmatch(str(step))]
    field = ".".join(path)
    if error["type"] == "extra_forbidden":
        kind = f"field of {'.'.join(path[:-1])}" if len(path) > 1 else "field"
        return str(UnknownNameError(kind, path[-1], _record_at(schema, path).model_fields)), ""
    if error["type"] == "missing":
        return f"{field} is missing", ""
    message = str(error["msg"])
    for theirs, ours in _WORDS.items():
        message = message.replace(theirs, ours)
    where = f"{field}={error['input']!r:.80}: " if field else ""
    return where, message[:1].lower() + message[1:]


def _record_at(schema: type[BaseModel], path: list[str]) -> type[BaseModel]:
    """The record whose field stands at the end of a path."""
    for step in path[:-1]:
        if step in schema.model_fields:
            schema = next(_records(schema.model_fields[step].annotation), schema)
    return schema


def _records(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _records(argument)
