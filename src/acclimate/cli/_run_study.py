"""Run a study with progress, print its table, write its report."""

import re
import sys
from contextlib import nullcontext
from pathlib import Path

from acclimate.cli._findings_table import findings_table
from acclimate.cli._progress_bar import progress_shown
from acclimate.cli._terminal import console, echo
from acclimate.core.errors import BudgetError
from acclimate.core.provenance import taking_stale
from acclimate.study import wording
from acclimate.study.dry_run import what_is_there
from acclimate.study.findings import Findings
from acclimate.study.preflight import check_names
from acclimate.study.report.write import HTML, write_report
from acclimate.study.run import run_study
from acclimate.study.spec import StudySpec, recipes_of


def study_folder(name: str) -> Path:
    """Where a study's rows and report go unless told: `runs/` and the name, made safe."""
    return Path("runs") / (re.sub(r"[^\w.-]+", "-", name).strip("-.") or "study")


def carry_out(
    spec: StudySpec, folder: Path, *, is_relocked: bool, is_json: bool, keeps_stale: bool = False
) -> None:
    """Run (or go on with) the study, print, write the report into `folder`.

    Args:
        spec: What to run.
        folder: Where rows and report go.
        is_relocked: Whether another test set than before is accepted.
        is_json: Whether the findings are printed as JSON.
        keeps_stale: Whether what other code made is taken as it is.

    Raises:
        BudgetError: Nothing keeps the limits; said once all that was measured is shown.
    """
    with progress_shown(), taking_stale() if keeps_stale else nullcontext():
        findings = run_study(spec, folder, is_relocked=is_relocked)
        write_report(findings, folder)
    if is_json:
        sys.stdout.write(findings.model_dump_json(indent=2) + "\n")
    else:
        show(findings, folder)
    if not findings.recommendation.pick:
        raise BudgetError(findings.recommendation.reason)


def show(findings: Findings, folder: Path) -> None:
    """Print the findings as tables, and where the report lies."""
    out = console()
    out.print(findings_table(findings, out.width))
    lines = [f"not of today's code: {sentence}" for sentence in wording.stale(findings.stale)]
    lines.append(f"\nreport: {folder / HTML}")
    if findings.confirmation and findings.confirmation.folder:
        lines.append(f"pick:   {findings.confirmation.folder}")
    out.print("\n".join(lines), soft_wrap=True, markup=False)


def show_plan(spec: StudySpec, folder: Path) -> None:
    """Say what would be run, what of it is there and what is stale; nothing is made or written."""
    # All are built before anything is said: a wrong one is told alone.
    check_names(spec)
    plan = [(r, r.methods()) for r in recipes_of(spec)]
    with progress_shown():
        there = what_is_there(spec, folder)
    for recipe, methods in plan:
        is_random = any(m.depends_on_seed for m in methods)
        num_seeds = len(spec.seeds) if is_random else 1
        echo(
            f"{recipe.label}: {num_seeds} seed{'s' * (num_seeds > 1)}, "
            f"{'trains weights' if any(m.changes_weights for m in methods) else 'trains nothing'}"
        )
        for line in there.of(recipe) if there else ():
            echo(f"  {line}")
