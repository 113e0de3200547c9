"""Adapt a base to a domain several ways, measure all, recommend one."""

from pathlib import Path
from typing import Annotated, Any

import typer

from acclimate.cli._key_value_args import fields_of, recipe_of
from acclimate.cli._run_study import carry_out, show_plan, study_folder
from acclimate.core.catalogue import TASKS
from acclimate.core.errors import ConfigError
from acclimate.study.spec import make_spec, read_spec

DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Only say what would run, what is there, what is stale.")
]
KeepStale = Annotated[
    bool, typer.Option("--keep-stale", help="Take what other code made as it is; it is marked.")
]


def run(  # noqa: PLR0913  (a verb's options are its parameters)
    what: Annotated[
        Path, typer.Argument(help="A study file (YAML), a domain folder or its catalogue name.")
    ],
    settings: Annotated[
        list[str] | None,
        typer.Argument(help="key=value, as months=6 limits.max_latency_seconds=0.2 seeds=[0]"),
    ] = None,
    base: Annotated[str | None, typer.Option(help="Folder or hub name of the model.")] = None,
    recipe: Annotated[
        list[str] | None,
        typer.Option(help="Instead of the file's: 'lora rank=4 + hybrid_rag'; may be repeated."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Where rows and report go.")] = None,
    relock: Annotated[bool, typer.Option("--relock", help="Accept a changed test set.")] = False,
    dry_run: DryRun = False,
    keep_stale: KeepStale = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Run a study, or go on with one that was stopped: the same command, the same rows."""
    changed: dict[str, Any] = fields_of(settings or [])
    if base is not None:
        changed["base"] = base
    if recipe:
        changed["recipes"] = [recipe_of(text) for text in recipe]
    if what.is_dir() or str(what) in TASKS.entries:
        spec = make_spec({"domain": str(what), **changed}, "study")
    elif what.suffix in {".yaml", ".yml"}:
        spec = read_spec(what, **changed)
    else:
        raise ConfigError(f"{what}: give a study file (.yaml) or a domain folder that exists")
    folder = out or study_folder(what.stem if what.suffix else what.resolve().name)
    if dry_run:
        show_plan(spec, folder)
        return
    carry_out(spec, folder, is_relocked=relock, is_json=as_json, keeps_stale=keep_stale)
