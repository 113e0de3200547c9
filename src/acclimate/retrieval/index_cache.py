"""Indexes of the user's documents, kept so that no text is encoded twice."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from acclimate.core.domain import Document
from acclimate.core.errors import BackendError
from acclimate.core.home import home
from acclimate.core.provenance import Trace
from acclimate.core.runtime.cost import Cost, metered, spend
from acclimate.core.storage.artifact_store import Store
from acclimate.retrieval.encoders.load import LSA
from acclimate.retrieval.manifest import (
    INDEX_FILE,
    IndexManifest,
    IndexSettings,
    changed_share,
    document_digest,
    make_settings,
)
from acclimate.retrieval.passage_index import PassageIndex

_FOLDER = "indexes"
"""Below the user's cache folder."""


def cached_index(
    documents: Sequence[Document], *, chunk_tokens: int, overlap_tokens: int, encoder: str = ""
) -> PassageIndex:
    """Get the index of these documents, made now if it never was.

    A new one takes over what the nearest earlier one with the same settings has encoded. A learnt
    encoder is always fitted on the documents at hand, so that answers follow from data and
    settings alone, never from what was indexed before. What making the index cost is spent anew
    each time, so that a reused one is not counted as free.

    Raises:
        ConfigError: The sizes cannot be, or there is no such encoder.
        DataError: Two documents share an id, or no document has text.
    """
    store = Store(home() / _FOLDER)
    settings = make_settings(chunk_tokens, overlap_tokens, encoder)
    key = _key(documents, settings)
    if folder := store.get(key):
        spend(_cost(store, key))
        return PassageIndex.open(folder)
    about = {"settings": settings.model_dump()}
    with store.put(key, about, Trace(__name__)) as aside:
        about["cost"] = _make(store, aside, documents, settings).model_dump()
    folder = store.get(key)
    if not folder:
        raise BackendError(f"{store.root}: the index that was just written cannot be read back")
    return PassageIndex.open(folder)


def _make(
    store: Store, aside: Path, documents: Sequence[Document], settings: IndexSettings
) -> Cost:
    nearest = _nearest(store, documents, settings)
    with metered() as meter:
        if nearest:
            nearest.update(documents, folder=aside)
        else:
            PassageIndex.build(
                aside,
                documents,
                chunk_tokens=settings.chunk_tokens,
                overlap_tokens=settings.overlap_tokens,
                encoder=settings.encoder,
            )
    if not nearest:
        return meter.cost
    # What was taken over had its cost too: an upper bound, since some of it may not be used.
    before = _cost(store, nearest.folder.name)
    spend(before)
    return before + meter.cost


def _cost(store: Store, key: str) -> Cost:
    return Cost.model_validate(store.about(key)["cost"])


def _nearest(
    store: Store, documents: Sequence[Document], settings: IndexSettings
) -> PassageIndex | None:
    if settings.encoder in {"", LSA}:
        return None
    digests = [document_digest(document) for document in documents]
    shares = {
        path.parent: changed_share(list(manifest.documents.values()), digests)
        for path, manifest in _manifests(store)
        if manifest.settings == settings
    }
    for folder in sorted(shares, key=lambda f: (shares[f], f)):
        # Vectors that would come out otherwise today are not taken over, whatever was asked for.
        is_stale = bool(store.stale(folder.name))
        if shares[folder] < 1 and not is_stale and store.get(folder.name):
            return PassageIndex.open(folder)
    return None


def _manifests(store: Store) -> Iterator[tuple[Path, IndexManifest]]:
    for path in store.root.glob(f"*/*/{INDEX_FILE}"):
        with suppress(OSError, ValidationError):
            yield path, IndexManifest.model_validate_json(path.read_bytes())


def _key(documents: Sequence[Document], settings: IndexSettings) -> str:
    digest = hashlib.sha256(settings.model_dump_json().encode())
    for document in documents:
        digest.update(json.dumps([document.id, document_digest(document)]).encode())
    return digest.hexdigest()
