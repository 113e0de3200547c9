"""Artifacts that today's code would make otherwise: counted, and removed."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from acclimate.core.home import home
from acclimate.core.storage.artifact_store import ARTIFACT_FILE, made_by
from acclimate.study.pinned import is_served


@dataclass(frozen=True)
class StaleArtifact:
    """A folder of a store that would be made otherwise today."""

    folder: Path
    num_bytes: int
    is_served: bool
    """Whether a report serves from it, so that it stays."""


def stale_artifacts() -> list[StaleArtifact]:
    """Of all stores of this user; nothing is changed."""
    folders = [path.parent for path in sorted(home().glob(f"*/??/*/{ARTIFACT_FILE}"))]
    return [
        StaleArtifact(folder, _num_bytes(folder), is_served(folder))
        for folder in folders
        if made_by(folder).stale()
    ]


def prune(artifacts: list[StaleArtifact]) -> int:
    """Remove those that no report serves from; how many bytes that were."""
    removed = [artifact for artifact in artifacts if not artifact.is_served]
    for artifact in removed:
        # No reader meets half of one: without its manifest it is not there.
        (artifact.folder / ARTIFACT_FILE).unlink(missing_ok=True)
        shutil.rmtree(artifact.folder, ignore_errors=True)
    return sum(artifact.num_bytes for artifact in removed)


def _num_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
