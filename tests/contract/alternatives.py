"""What the suites of all catalogues check, and another valid value for any field."""

import ast
import json
from collections.abc import Callable
from importlib import util
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from acclimate.core.prompt import TEMPLATE

TESTS = Path(__file__).parents[1]


def check_summary(entry):
    """The first line is one sentence of at most 80 characters."""
    assert 10 <= len(entry.summary) <= 80, f"{entry.name}: {entry.summary}"
    assert entry.summary.endswith(".")
    assert entry.summary[0].isupper()


def own_test(kind, entry):
    """The test file of an entry: beside its family's, or in a folder where the entry is one."""
    family = TESTS / kind / entry.family
    files = [family / f"test_{entry.name}.py", family / entry.name / f"test_{entry.name}.py"]
    own = next((path for path in files if path.is_file()), None)
    assert own, f"write tests/{files[0].relative_to(TESTS)}"
    return own


def check_own_test(kind, entry):
    """It has a test file of its own."""
    assert own_test(kind, entry)


def check_documented(kind, *, may_be_required=()):
    """Every field, nested ones too, has a docstring and a default."""
    for name, field in kind.model_fields.items():
        where = f"{kind.__name__}.{name}"
        assert (field.description or "").strip(), f"{where}: write a docstring below the field"
        assert name in may_be_required or not field.is_required(), f"{where}: give it a default"
        if isinstance(field.default, BaseModel):
            check_documented(type(field.default))


def check_round_trip(catalogue, name, one):
    """What is written as JSON builds the same again."""
    again = catalogue.build({"name": name, **json.loads(one.model_dump_json())})
    assert again == one


def filled(kind):
    """The default one, with a path where one is asked for."""
    required = [name for name, field in kind.model_fields.items() if field.is_required()]
    return kind(**dict.fromkeys(required, "somewhere"))


def own_examples(kind, entry) -> Callable[[Any], Any]:
    """The function `examples(request)` of the entry's own test file.

    For a model it gives three sources: one, another of equal content, one of other content, all of
    which know the test items of the small domain. For a task it gives one small source.
    """
    own = own_test(kind, entry)
    spec = util.spec_from_file_location(f"examples_of_{entry.name}", own)
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert hasattr(module, "examples"), f"write examples(request) in {own.relative_to(TESTS)}"
    return module.examples


def own_contract(kind, entry) -> dict[str, Any]:
    """`CONTRACT` of the entry's own test file: what the suite cannot know; empty where it has none.

    It is read and not run, so that a suite needs no extra that the test needs: a literal. Of a
    method it has for a field another `value`, fields `beside` it on both sides, and `why` neither
    can be derived; without a value no answer that the suite asks for need differ by the field.
    """
    own = TESTS / kind / entry.family / f"test_{entry.name}.py"
    tree = ast.parse(own.read_text(encoding="utf-8") if own.is_file() else "")
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "CONTRACT":
            return ast.literal_eval(node.value)
    return {}


def settings(kind, above: str = "") -> list[str]:
    """Every field by its dotted name, `training.num_epochs` for one of a nested record."""
    found = []
    for name, field in kind.model_fields.items():
        if isinstance(field.default, BaseModel):
            found += settings(type(field.default), f"{above}{name}.")
        else:
            found.append(above + name)
    return found


def written(setting: str, value: Any) -> dict[str, Any]:
    """`("training.patience", 1)` as fields: `{"training": {"patience": 1}}`."""
    for name in reversed(setting.split(".")):
        value = {name: value}
    return value


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Both fields, those of nested records too; where they meet, the second."""
    nested = {k: merged(v, above[k]) for k, v in below.items()
              if isinstance(v, dict) and isinstance(above.get(k), dict)}  # fmt: skip
    return {**below, **above, **nested}


def alternative(kind, setting: str) -> Any:
    """Another value that the field takes, from its type, default and bounds."""
    *above, name = setting.split(".")
    for outer in above:
        kind = type(kind.model_fields[outer].default)
    field = kind.model_fields[name]
    if name == "template":
        return f"Look:\n{TEMPLATE}"
    if get_origin(field.annotation) is Literal:
        return next(v for v in get_args(field.annotation) if v != field.default)
    rules = {bool: _flipped, int: _next, float: _elsewhere, str: _other_words}
    assert type(field.default) in rules, (
        f"{setting}: give another value for it in CONTRACT of its own test"
    )
    return rules[type(field.default)](field)


def _flipped(field: FieldInfo) -> bool:
    return not field.default


def _next(field: FieldInfo) -> int:
    top = _bound(field, "le")
    return field.default - 1 if field.default == top else field.default + 1


def _elsewhere(field: FieldInfo) -> float:
    """Halfway to the upper bound; where there is none, half; 1 in place of 0."""
    for name in ("lt", "le"):
        top = _bound(field, name)
        if top is not None and top != field.default:
            return (field.default + top) / 2
    return field.default / 2 or 1.0


def _other_words(field: FieldInfo) -> str:
    return f"{field.default} Mind this.".strip()


def _bound(field: FieldInfo, name: str) -> float | None:
    found = [getattr(m, name) for m in field.metadata if hasattr(m, name)]
    return found[0] if found else None
