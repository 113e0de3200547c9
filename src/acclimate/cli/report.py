"""Write a study's report again from its report.json, and show the findings."""

from pathlib import Path
from typing import Annotated

import typer


def run(
    folder: Annotated[Path, typer.Argument(help="Where a study wrote its report.")],
) -> None:
    """Write report.html and report.md again from report.json, and show the findings."""
    from acclimate.cli._run_study import show
    from acclimate.study.report.write import read_findings, write_report

    findings = read_findings(folder)
    write_report(findings, folder)
    show(findings, folder)
