"""Turn pydantic's report of wrong fields into one sentence."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from acclimate.core.errors import UnknownNameError

_BRANCHES = re.compile(r"str|int|float|bool|list|dict|tuple|constrained-.+|.*\[.+\]")
"""What pydantic adds to a place where a field may be of several types."""
_SHOULD = "input should be "
_WORDS = {
    " or object to extract fields from": "",
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
    by_field: dict[str, list[str]] = {}
    for fault in faults_of(error):
        where, what = _part(fault, schema)
        # Of a field that may be of several types each has its complaint: they are one.
        others = by_field.setdefault(where, [])
        if what.removeprefix(_SHOULD) not in [other.removeprefix(_SHOULD) for other in others]:
            others.append(what.removeprefix(_SHOULD) if others else what)
    return f"{owner}: " + "; ".join(
        f"{where}{', or '.join(what)}" for where, what in by_field.items()
    )


def faults_of(error: ValidationError) -> list[dict[str, Any]]:
    """What is wrong; of a field whose parts are, not that it might be of another type."""
    faults: list[dict[str, Any]] = [dict(fault) for fault in error.errors()]
    paths = [path_of(fault) for fault in faults]
    inside = {tuple(path[:length]) for path in paths for length in range(len(path))}
    return [
        fault
        for fault, path in zip(faults, paths, strict=True)
        if not (fault["type"].endswith("_type") and tuple(path) in inside)
    ]


def path_of(fault: Mapping[str, Any]) -> list[str]:
    """The names of the fields that lead to it."""
    return [str(step) for step in fault["loc"] if not _BRANCHES.fullmatch(str(step))]


def _part(error: dict[str, Any], schema: type[BaseModel]) -> tuple[str, str]:
    """Where, with the value got, and what is wrong there; together they are the complaint."""
    path = path_of(error)
    field = ".".join(path)
    if error["type"].startswith("union_tag_"):
        return _kind(field, error["ctx"])
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


def _kind(field: str, context: Mapping[str, Any]) -> tuple[str, str]:
    """The same of the part that says of which kind a record is."""
    part = f"{field}.{context['discriminator'].strip(chr(39))}"
    if "tag" not in context:
        return f"{part} is missing", ""
    return f"{part}={context['tag']!r:.80}: ", f"must be one of {context['expected_tags']}"


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
