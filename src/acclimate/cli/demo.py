"""The main job on real input, offline: Python's own documentation, a small base."""

from pathlib import Path
from typing import Annotated

import typer

from acclimate.cli._run_study import carry_out, study_folder
from acclimate.study.spec import read_spec

STUDY = Path(__file__).with_name("stdlib.yaml")


def run(
    base: Annotated[
        str | None, typer.Option(help="Another base: from_scratch trains one on the spot.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Where rows and report go.")] = None,
) -> None:
    """Run the study of the standard library's documentation, in a few minutes."""
    spec = read_spec(STUDY, base=base)
    name = STUDY.stem if base is None else f"{STUDY.stem}-{Path(base).name}"
    carry_out(spec, out or study_folder(name), is_relocked=False, is_json=False)
