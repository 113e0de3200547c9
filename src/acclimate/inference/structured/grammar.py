"""Grammars of structured output: a choice, a regular expression or a JSON schema."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import unquote

from acclimate.core.errors import ConfigError
from acclimate.core.model import Sampling

_MAX_CHARS = 100_000
"""Of all choices, an expression or a schema: more than anyone writes, less than takes a second."""
MAX_PATTERN_CHARS = 4000
"""Of regular expressions: llguidance's time and memory grow with the square."""
MAX_LEVELS = 64
"""Of nested brackets: libraries under us recurse as deep as they are nested."""
MAX_REFERRED_LEVELS = 512
"""Of nested brackets in the schema and all that it refers to; a few times as many end the process,
as the library's compiler calls itself for each."""
_SPACING = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
"""As `json.dumps` has it: a weak model that may write blanks writes nothing else."""


def fields_asked(sampling: Sampling) -> list[str]:
    """Names of the fields of structured output that the sampling sets."""
    return [name for name in _MADE if getattr(sampling, name)]


def grammar_of(sampling: Sampling) -> tuple[str, str] | None:
    """A grammar for llguidance and the field that asks for it; None: any text will do.

    An answer may begin with one blank, as answers after a prompt do; its text comes without.

    Raises:
        ConfigError: Fields that exclude each other, or one that is too large or malformed.
    """
    fields = fields_asked(sampling)
    if not fields:
        return None
    if len(fields) > 1:
        raise ConfigError(f"{' and '.join(fields)} exclude each other; give one of them")
    field = fields[0]
    value = getattr(sampling, field)
    texts = value if field == "choice" else (value,)
    _require_few(field, texts, MAX_PATTERN_CHARS if field == "regex" else _MAX_CHARS)
    return _MADE[field](value), field


def _choice(choices: tuple[str, ...]) -> str:
    for choice in choices:
        if not choice or choice != choice.strip():
            raise ConfigError(
                f"choice: {choice!r} must have text and no white space around it, as an answer has"
            )
    return _regex("|".join(map(_literal, choices)))


def _literal(text: str) -> str:
    """An expression for the text itself, every special character by its code point."""
    return "".join(c if c.isascii() and c.isalnum() else f"\\x{{{ord(c):x}}}" for c in text)


def _regex(pattern: str) -> str:
    from llguidance import regex_to_lark

    return f"start: TEXT\nTEXT: /[ ]?/ (/{regex_to_lark(pattern, 'dws')}/)"


def _json(text: str) -> str:
    _require_flat(text)
    try:
        schema = json.loads(text, parse_constant=_refuse)
    except ValueError as error:
        raise ConfigError(f"json_schema: not JSON: {error}; give a schema as JSON text") from error
    if schema is True:
        schema = {}
    if not isinstance(schema, dict):
        raise ConfigError(f"json_schema: must be a JSON object {{…}}, got {text[:40]}")
    _require_short(schema)
    _require_few("json_schema: patterns", list(_patterns(schema)), MAX_PATTERN_CHARS)
    # The library's own settings in the schema are replaced.
    written = _quoted(schema | {"x-guidance": _SPACING})
    _require_characters("json_schema", written)
    return f"start: /[ ]?/ value\nvalue: %json {written}"


_MADE: dict[str, Callable[[Any], str]] = {"choice": _choice, "regex": _regex, "json_schema": _json}


def _quoted(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _require_few(what: str, texts: Sequence[str], at_most: int) -> None:
    size = sum(map(len, texts))
    if size > at_most:
        raise ConfigError(f"{what}: {size:,} characters are too many; at most {at_most:,}")
    _require_characters(what, "".join(texts))


def _require_characters(what: str, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ConfigError(f"{what}: half of a surrogate pair is no character") from error


def _require_flat(text: str) -> None:
    """Refuse JSON that is nested deeper than parsers go, before one reads it."""
    level, is_string, is_escaped = 0, False, False
    for character in text:
        if is_string:
            is_string = is_escaped or character != '"'
            is_escaped = character == "\\" and not is_escaped
        elif character == '"':
            is_string = True
        elif character in "[{":
            level += 1
            if level > MAX_LEVELS:
                raise ConfigError(
                    f"json_schema: brackets in more than {MAX_LEVELS} levels; make it flatter"
                )
        elif character in "]}":
            level -= 1


def _require_short(schema: dict[str, Any]) -> None:
    """Refuse a schema whose references, followed one into the other, go too deep."""
    referred = {str(part["$ref"]) for part in _objects(schema) if "$ref" in part}
    levels = _levels(schema) + sum(_levels(_target(schema, reference)) for reference in referred)
    if levels > MAX_REFERRED_LEVELS:
        raise ConfigError(
            f"json_schema: it and what it refers to are {levels:,} levels of brackets; at most "
            f"{MAX_REFERRED_LEVELS}, so make it flatter or refer to less"
        )


def _patterns(schema: dict[str, Any]) -> Iterator[str]:
    for part in _objects(schema):
        pattern, named = part.get("pattern"), part.get("patternProperties")
        yield from named if isinstance(named, dict) else ()
        if isinstance(pattern, str):
            yield pattern


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    inside = value.values() if isinstance(value, dict) else value
    if isinstance(value, dict | list):
        for inner in inside:
            yield from _objects(inner)


def _levels(value: Any) -> int:
    if not isinstance(value, dict | list):
        return 0
    inside = value.values() if isinstance(value, dict) else value
    return 1 + max(map(_levels, inside), default=0)


def _target(schema: Any, reference: str) -> Any:
    """The part that a pointer (RFC 6901) leads to inside the schema; the whole, if unclear."""
    target = schema
    for step in unquote(reference).removeprefix("#").split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(target, list):
            target = dict(zip(map(str, range(len(target))), target, strict=True))
        if not isinstance(target, dict) or name not in target:
            return schema
        target = target[name]
    return target
