"""Write a study's report again from its report.json, and show the findings."""

from pathlib import Path


def run(folder: Path) -> None:
    """Write report.html and report.md again.

    Args:
        folder: Where a study wrote its report.

    Raises:
        DataError: There is no report.json, or it is not one.
    """
    from acclimate.cli._study import show
    from acclimate.study.report import read_findings, write_report

    findings = read_findings(folder)
    write_report(findings, folder)
    show(findings, folder)
