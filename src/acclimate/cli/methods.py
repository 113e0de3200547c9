"""List the methods, or models, tasks and metrics, that there are."""

import json
from typing import Annotated, Any

import typer

from acclimate.cli._terminal import echo
from acclimate.core.catalogue import METHODS, METRICS, MODELS, TASKS, Catalogue
from acclimate.core.errors import UnknownNameError
from acclimate.core.former_names import name_now

_KINDS: dict[str, Catalogue[Any]] = {
    "methods": METHODS,
    "models": MODELS,
    "tasks": TASKS,
    "metrics": METRICS,
}


def run(
    family: Annotated[str | None, typer.Argument(help="Only this family, as tuning.")] = None,
    kind: Annotated[str, typer.Option(help=f"One of {', '.join(_KINDS)}.")] = "methods",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List what the folders hold; nothing is imported."""
    if kind not in _KINDS:
        raise UnknownNameError("kind", kind, _KINDS)
    entries = list(_KINDS[kind].entries.values())
    families = {entry.family for entry in entries}
    now = name_now(family or "")
    if family is not None and now != family and now in _KINDS[kind].entries:
        raise UnknownNameError(kind.removesuffix("s"), family, _KINDS[kind].entries)
    if family is not None and family not in families:
        raise UnknownNameError("family", family, families)
    shown = [e for e in entries if family in {None, e.family}]
    if as_json:
        typer.echo(
            json.dumps([{"name": e.name, "family": e.family, "summary": e.summary} for e in shown])
        )
        return
    width = max(len(e.name) for e in shown) + 2
    for name in sorted({e.family for e in shown}):
        typer.secho(name, bold=True)
        for entry in shown:
            if entry.family == name:
                echo(f"  {entry.name:<{width}}{entry.summary}", hanging=width + 2)
