"""The main job on real input, offline: Python's own documentation, a small base."""

from pathlib import Path
from typing import Annotated

import typer

from acclimate.cli._study import carry_out, study_folder
from acclimate.study.spec import read_spec

STUDY = Path(__file__).with_name("stdlib.yaml")


def run(
    out: Annotated[Path | None, typer.Option(help="Where rows and report go.")] = None,
) -> None:
    """Run the study of the standard library's documentation, in about five minutes."""
    spec = read_spec(STUDY)
    carry_out(spec, out or study_folder(STUDY.stem), is_relocked=False, is_json=False)
