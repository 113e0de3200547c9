"""Manifest of an index: settings, documents, and files with their hashes."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from acclimate.core.domain import Document
from acclimate.core.errors import BackendError
from acclimate.core.record import Record
from acclimate.data.documents.chunking import check_sizes
from acclimate.retrieval.encoders.load import encoder_fingerprint

INDEX_FILE = "index.json"


class IndexSettings(Record):
    """How documents are cut and encoded."""

    chunk_tokens: int
    """The longest passage, in words and punctuation marks."""
    overlap_tokens: int
    """Tokens that a passage repeats of the one before."""
    encoder: str
    """Name in `acclimate.retrieval.encoders.load`; empty: words only."""
    fingerprint: str
    """Distinguishes the encoder from others of the same name."""


class IndexManifest(Record):
    """Contents of an index; written last, so that all files that it names are complete."""

    version: Literal[1] = 1
    """Of this format."""
    part: str
    """Name of the folder that holds the files."""
    settings: IndexSettings
    """Settings that the index was made with."""
    documents: dict[str, str]
    """Document id → digest of title and text, in order."""
    learnt_from: tuple[str, ...]
    """Digests of the documents that the encoder was fitted on; empty: it is not fitted."""
    files: dict[str, str]
    """Path in `part` → SHA-256 of the content."""


def make_settings(chunk_tokens: int, overlap_tokens: int, encoder: str) -> IndexSettings:
    """Checked settings of an index.

    Raises:
        ConfigError: The sizes are impossible.
    """
    check_sizes(chunk_tokens, overlap_tokens)
    return IndexSettings(
        chunk_tokens=chunk_tokens,
        overlap_tokens=overlap_tokens,
        encoder=encoder,
        fingerprint=encoder_fingerprint(encoder) if encoder else "",
    )


def document_digest(document: Document) -> str:
    """Digest of the title and text of a document, which are all that is indexed."""
    seen = json.dumps([document.title or document.id, document.text])
    return hashlib.sha256(seen.encode()).hexdigest()


def changed_share(before: Sequence[str], now: Sequence[str]) -> float:
    """Share of documents that are in only one of two sets of digests; 0 same, 1 nothing shared."""
    either = set(before) | set(now)
    return 1 - len(set(before) & set(now)) / len(either) if either else 0.0


def hash_files(part: Path) -> dict[str, str]:
    """SHA-256 of every file but locks, by its path in the folder."""
    return {
        path.relative_to(part).as_posix(): _hash(path)
        for path in sorted(part.rglob("*"))
        if path.is_file() and path.suffix != ".lock"
    }


def write_manifest(folder: Path, manifest: IndexManifest) -> None:
    """Replace the folder's manifest at once: a reader sees the old one or the new one."""
    aside = folder / f"{manifest.part}.json"
    aside.write_text(manifest.model_dump_json(), encoding="utf-8")
    aside.replace(folder / INDEX_FILE)


def read_index_manifest(folder: Path) -> IndexManifest:
    """Read the manifest and check every file that it names.

    Raises:
        BackendError: There is no index, or a file is missing or damaged.
    """
    try:
        manifest = IndexManifest.model_validate_json((folder / INDEX_FILE).read_bytes())
    except FileNotFoundError:
        raise BackendError(f"{folder}: no index here; build one first") from None
    except (OSError, ValidationError) as error:
        raise BackendError(
            f"{folder / INDEX_FILE}: cannot be read; build the index again"
        ) from error
    part = (folder / manifest.part).resolve()
    if part.parent != folder.resolve():
        raise BackendError(f"{folder / INDEX_FILE}: an index may not point outside its folder")
    hashes = hash_files(part)
    for name, digest in manifest.files.items():
        if hashes.get(name) != digest:
            fault = "changed" if name in hashes else "is missing"
            raise BackendError(f"{part / name}: {fault} since it was built; build the index again")
    return manifest


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
