"""Index of passages with lexical, dense and hybrid search, in one folder."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self
from uuid import uuid4

from acclimate.core.domain import Document
from acclimate.core.errors import BackendError, ConfigError
from acclimate.core.prompt import Passage
from acclimate.retrieval.bm25_index import LexicalIndex
from acclimate.retrieval.build_index import (
    DENSE,
    ENCODER,
    LEXICAL,
    KnownVectors,
    indexed_text,
    write_parts,
)
from acclimate.retrieval.encoders.load import Encoder, encoder_fingerprint, load_encoder
from acclimate.retrieval.manifest import (
    INDEX_FILE,
    IndexManifest,
    IndexSettings,
    changed_share,
    document_digest,
    make_settings,
    read_index_manifest,
    write_manifest,
)
from acclimate.retrieval.passage_file import PassageFile
from acclimate.retrieval.rank_fusion import Hits, reciprocal_rank_fusion
from acclimate.retrieval.vector_index import DenseIndex, Vectors

SearchMode = Literal["lexical", "dense", "hybrid"]
"""Search by words (BM25), by vectors, or by both with rank fusion."""

REFIT_ABOVE = 0.2
"""Share of documents changed since a learnt encoder was fitted, above which it is fitted anew."""
FUSED_HITS = 50
"""Hits that each search gives to fusion."""

_PART = "index-"


@dataclass(frozen=True)
class PassageIndex:
    """Passages of documents, searched by words, by vectors or by both.

    The files lie in a subfolder that the manifest names; the manifest is replaced last, so a
    reader never sees half an index. One process may write at a time; any number may read.
    """

    folder: Path
    manifest: IndexManifest

    @classmethod
    def build(
        cls,
        folder: Path,
        documents: Sequence[Document],
        *,
        chunk_tokens: int,
        overlap_tokens: int,
        encoder: str = "",
    ) -> Self:
        """Index documents; an index that is in the folder is replaced.

        Args:
            folder: Made if need be.
            documents: Their ids must be unique.
            chunk_tokens: The longest passage, in words and punctuation marks.
            overlap_tokens: Tokens that a passage repeats of the one before, at most.
            encoder: A name of `acclimate.retrieval.encoders.load`; empty: word search only.

        Raises:
            ConfigError: The sizes are impossible, or there is no such encoder.
            DataError: Two documents share an id, or no document has text.
        """
        settings = make_settings(chunk_tokens, overlap_tokens, encoder)
        return cls._write(folder, documents, settings, KnownVectors())

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open an index; its files are checked by hash, then mapped when they are needed.

        Raises:
            BackendError: There is no index, or a file is missing or damaged.
        """
        return cls(folder, read_index_manifest(folder))

    def update(self, documents: Sequence[Document], *, folder: Path | None = None) -> Self:
        """Change the index to these documents: add new and changed ones, remove missing ones.

        Only passages that were not there are encoded. A learnt encoder is kept and new passages
        are folded in, until more than `REFIT_ABOVE` of the documents it learnt from have changed;
        then it is fitted anew and everything is encoded. Words are indexed anew (BM25 weighs each
        word by all passages; 100,000 take seconds).

        Args:
            documents: All documents of the new index.
            folder: Where to write; by default the index's own, which is replaced.
        """
        digests = [document_digest(document) for document in documents]
        drift = changed_share(self.manifest.learnt_from, digests)
        known = self._known() if self.manifest.settings.encoder else KnownVectors()
        if known.encoder and known.encoder.learns and drift > REFIT_ABOVE:
            known = KnownVectors()
        return self._write(folder or self.folder, documents, self.manifest.settings, known)

    def copy(self, folder: Path) -> None:
        """Copy the index into another folder (made if need be)."""
        part = self.manifest.part
        shutil.copytree(self.folder / part, folder / part, ignore=shutil.ignore_patterns("*.lock"))
        shutil.copyfile(self.folder / INDEX_FILE, folder / INDEX_FILE)

    def search(
        self, queries: Sequence[str], *, num_passages: int, mode: SearchMode = "hybrid"
    ) -> list[list[Passage]]:
        """Find the best passages for each query, best first; fewer where fewer match.

        Raises:
            ConfigError: A search by vectors in an index without an encoder.
        """
        results = self._rank(list(queries), num_passages, mode)
        return [[self._passages[number] for number, _ in hits[:num_passages]] for hits in results]

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors (N, C) of texts by the encoder of the passages; ConfigError without one."""
        return self._encoder.encode(texts)

    def _rank(self, queries: list[str], num_passages: int, mode: SearchMode) -> list[Hits]:
        if mode == "lexical":
            return self._lexical.search(queries, num_passages)
        if mode == "dense":
            return self._search_dense(queries, num_passages)
        depth = max(FUSED_HITS, num_passages)
        both = self._lexical.search(queries, depth), self._search_dense(queries, depth)
        return [
            reciprocal_rank_fusion([[number for number, _ in hits] for hits in rankings])
            for rankings in zip(*both, strict=True)
        ]

    def _search_dense(self, queries: list[str], num_hits: int) -> list[Hits]:
        if not queries:
            return []
        vectors = self._encoder.encode(queries)
        return self._dense.search(vectors, num_hits)

    def _known(self) -> KnownVectors:
        rows = {indexed_text(passage): row for row, passage in enumerate(self._passages)}
        return KnownVectors(self._encoder, self._dense.vectors(), rows, self.manifest.learnt_from)

    @property
    def _part(self) -> Path:
        part = self.folder / self.manifest.part
        if not part.is_dir():
            raise BackendError(f"{self.folder}: this index was replaced or removed; open it again")
        return part

    @cached_property
    def _passages(self) -> PassageFile:
        return PassageFile(self._part)

    @cached_property
    def _lexical(self) -> LexicalIndex:
        return LexicalIndex(self._part / LEXICAL)

    @cached_property
    def _dense(self) -> DenseIndex:
        return DenseIndex(self._part / DENSE)

    @cached_property
    def _encoder(self) -> Encoder:
        settings = self.manifest.settings
        if not settings.encoder:
            raise ConfigError(f"{self.folder}: built without an encoder, so it has no vectors")
        if encoder_fingerprint(settings.encoder) != settings.fingerprint:
            raise BackendError(
                f"{self.folder}: encoder '{settings.encoder}' changed since; build the index again"
            )
        return load_encoder(settings.encoder, self._part / ENCODER)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Copy and pickle by folder and manifest: open searchers cannot be copied."""
        return type(self), (self.folder, self.manifest)

    @classmethod
    def _write(
        cls,
        folder: Path,
        documents: Sequence[Document],
        settings: IndexSettings,
        known: KnownVectors,
    ) -> Self:
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f"{_PART}{uuid4().hex}"
        part.mkdir()
        try:
            manifest = write_parts(part, documents, settings, known)
            write_manifest(folder, manifest)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        for old in folder.glob(f"{_PART}*"):
            if old != part:
                shutil.rmtree(old, ignore_errors=True)
        return cls(folder, manifest)
