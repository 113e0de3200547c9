"""What reports serve from, noted beside it, so that it is never pruned."""

import json
from contextlib import suppress
from pathlib import Path

from acclimate.core.home import home
from acclimate.core.storage.artifact_store import ARTIFACT_FILE
from acclimate.study.findings import Findings
from acclimate.study.fit_cache import FittedModel
from acclimate.study.report.write import JSON

PINS = "reports.json"
"""Beside an artifact's manifest: the reports that name it."""
_WHOLE = "whole"
"""Noted with a model that was saved to be served."""


def pin(findings: Findings, base: FittedModel, folder: Path) -> None:
    """Note that the report in a folder serves from the saved pick, or from a base in a store."""
    confirmed = findings.confirmation
    served = [Path(confirmed.folder)] if confirmed and confirmed.folder else []
    if findings.recommendation.pick == findings.base:
        served += [path for key in base.content for path in _artifacts(key)]
    report = str((folder / JSON).resolve())
    for artifact in served:
        with suppress(OSError):
            (artifact / PINS).write_text(json.dumps(sorted({*_reports(artifact), report})))


def is_served(artifact: Path) -> bool:
    """Whether a report serves from it, or may: one that was moved cannot be asked.

    It is not if all reports that named it are where they were, and name it no more.
    """
    reports = _reports(artifact)
    if not reports:
        return _is_whole(artifact)
    return any(_names(Path(report), artifact.name) for report in reports)


def _artifacts(key: str) -> list[Path]:
    return [path.parent for path in home().glob(f"*/{key[:2]}/{key}/{ARTIFACT_FILE}")]


def _reports(artifact: Path) -> list[str]:
    try:
        return [str(path) for path in json.loads((artifact / PINS).read_text())]
    except (OSError, ValueError, TypeError):
        return []


def _is_whole(artifact: Path) -> bool:
    try:
        return _WHOLE in json.loads((artifact / ARTIFACT_FILE).read_text())["about"]
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _names(report: Path, key: str) -> bool:
    try:
        return key in report.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return True
