"""The report: a page that stands alone, Markdown, and everything as JSON."""

from pathlib import Path

from pydantic import ValidationError

from acclimate.core.errors import BackendError, DataError
from acclimate.core.storage.atomic import replace_text
from acclimate.core.storage.disk_space import disk_full_error, is_disk_full
from acclimate.core.validation_messages import sentence
from acclimate.study.findings import Findings

JSON, HTML, MARKDOWN = "report.json", "report.html", "report.md"


def write_report(findings: Findings, folder: Path) -> None:
    """Write report.html, report.md and report.json.

    Each is written aside and renamed, the JSON first, so that the others can be made again.

    Args:
        findings: What the study found.
        folder: Made if need be.

    Raises:
        ConfigError: There is no room on the disk.
        BackendError: The folder cannot be written.
    """
    from acclimate.study.report.render import html, markdown

    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace_text(folder / JSON, findings.model_dump_json(indent=2) + "\n")
        replace_text(folder / HTML, html(findings))
        replace_text(folder / MARKDOWN, markdown(findings))
    except OSError as error:
        if is_disk_full(error, folder):
            raise disk_full_error(folder, "give a folder elsewhere with --out") from error
        raise BackendError(f"{folder}: the report cannot be written ({error.strerror})") from error


def read_findings(folder: Path) -> Findings:
    """What a report was made from.

    Raises:
        DataError: There is no report.json, or it is not one.
    """
    path = folder / JSON
    try:
        return Findings.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(
            f"{path}: there is no such file; name the folder that a study wrote its report to"
        ) from error
    except ValidationError as error:
        owner = f"{path}: not the findings of a study"
        raise DataError(sentence(owner, error, Findings)) from error
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not the findings of a study ({error})") from error
