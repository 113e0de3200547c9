"""Show a method's (model's, task's, metric's) fields, defaults and source."""

import json
from typing import Annotated, Any

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.markup import escape

from acclimate.cli._terminal import console, echo, unwrapped
from acclimate.core.catalogue import METHODS, METRICS, MODELS, TASKS, Catalogue
from acclimate.core.errors import UnknownNameError
from acclimate.core.method import NEEDS, Method

CATALOGUES: tuple[Catalogue[Any], ...] = (METHODS, MODELS, TASKS, METRICS)


def run(
    name: Annotated[str, typer.Argument(help="As listed by `acclimate methods`, or a .py file.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the JSON schema.")] = False,
) -> None:
    """Everything there is to set, each with its default and where that is from."""
    kind = _loaded(name)
    if as_json:
        typer.echo(json.dumps(kind.model_json_schema(), indent=2))
        return
    out = console()
    out.print(f"[bold]{escape(name)}[/bold]  {escape(unwrapped(kind.__doc__ or ''))}")
    if issubclass(kind, Method):
        needs = ", ".join(NEEDS[need] for need in sorted(kind.needs)) or "nothing"
        out.print(f"needs {needs}" + (f"\n{kind.paper}" if kind.paper else ""))
    _print_fields(out, kind, indent=0)


def _loaded(name: str) -> type[BaseModel]:
    if name.endswith(".py"):
        return CATALOGUES[0].load(name)
    for catalogue in CATALOGUES:
        if name in catalogue.entries:
            loaded: type[BaseModel] = catalogue.load(name)
            return loaded
    raise UnknownNameError("entry", name, [n for c in CATALOGUES for n in c.entries])


def _print_fields(out: Console, kind: type[BaseModel], indent: int) -> None:
    for field_name, field in kind.model_fields.items():
        nested = isinstance(field.default, BaseModel)
        default = "required" if field.is_required() else "" if nested else f"= {field.default!r}"
        bounds = ", ".join(map(_bound, field.metadata))
        head = f"{' ' * indent}[bold]{field_name}[/bold] {escape(default)}"
        out.print(f"\n{head}" + (f"  ({escape(bounds)})" if bounds else ""))
        echo(" " * (indent + 2) + unwrapped(field.description or ""), hanging=indent + 2)
        if nested:
            _print_fields(out, type(field.default), indent + 2)


def _bound(constraint: object) -> str:
    """`Ge(ge=1)` as `>= 1`."""
    signs = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<", "min_length": "at least this long:"}
    for name, sign in signs.items():
        if hasattr(constraint, name):
            return f"{sign} {getattr(constraint, name)}"
    return str(constraint)
