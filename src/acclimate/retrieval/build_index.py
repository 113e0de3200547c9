"""Build the files of an index, encoding only what was not encoded before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from acclimate.core.domain import Document
from acclimate.core.errors import DataError
from acclimate.core.prompt import Passage
from acclimate.core.runtime.progress import progress
from acclimate.data.documents.chunking import chunk_document
from acclimate.retrieval.bm25_index import write_lexical
from acclimate.retrieval.encoders.load import Encoder, make_encoder
from acclimate.retrieval.manifest import IndexManifest, IndexSettings, document_digest, hash_files
from acclimate.retrieval.passage_file import write_passages
from acclimate.retrieval.vector_index import Vectors, write_dense

LEXICAL, DENSE, ENCODER = "lexical", "vectors.faiss", "encoder"
"""Names inside the folder of an index's files."""

_BLOCK = 256


@dataclass(frozen=True)
class KnownVectors:
    """Vectors and encoder of an earlier index, to reuse."""

    encoder: Encoder | None = None
    vectors: Vectors | None = None
    """Shape (N, C)."""
    rows: Mapping[str, int] = field(default_factory=dict)
    """Encoded text → its row in `vectors`."""
    learnt_from: tuple[str, ...] = ()
    """Digests of the documents that the encoder was fitted on."""


def write_parts(
    part: Path, documents: Sequence[Document], settings: IndexSettings, known: KnownVectors
) -> IndexManifest:
    """Write all files of an index into an empty folder; return the manifest that names them.

    Raises:
        DataError: Two documents share an id, or no document has text.
    """
    digests = _digests(documents)
    passages = _cut(documents, settings)
    texts = [indexed_text(passage) for passage in passages]
    write_passages(part, passages)
    write_lexical(part / LEXICAL, texts)
    learnt_from: tuple[str, ...] = ()
    if settings.encoder:
        encoder = known.encoder or make_encoder(settings.encoder, texts)
        write_dense(part / DENSE, _encode(encoder, texts, known))
        encoder.write(part / ENCODER)
        if encoder.learns:
            learnt_from = known.learnt_from or tuple(digests.values())
    return IndexManifest(
        part=part.name,
        settings=settings,
        documents=digests,
        learnt_from=learnt_from,
        files=hash_files(part),
    )


def indexed_text(passage: Passage) -> str:
    """The text of a passage that both searches index."""
    return f"{passage.title}\n{passage.text}"


def _digests(documents: Sequence[Document]) -> dict[str, str]:
    digests: dict[str, str] = {}
    for document in documents:
        if document.id in digests:
            raise DataError(f"two documents have the id '{document.id}'; ids must be unique")
        digests[document.id] = document_digest(document)
    return digests


def _cut(documents: Sequence[Document], settings: IndexSettings) -> list[Passage]:
    chunk, overlap = settings.chunk_tokens, settings.overlap_tokens
    passages: list[Passage] = []
    with progress("cutting documents", len(documents)) as advance:
        for document in documents:
            passages += chunk_document(document, chunk_tokens=chunk, overlap_tokens=overlap)
            advance(1)
    if not passages:
        raise DataError(f"nothing to search: none of {len(documents)} documents has text")
    return passages


def _encode(encoder: Encoder, texts: Sequence[str], known: KnownVectors) -> Vectors:
    new = [text for text in dict.fromkeys(texts) if text not in known.rows]
    blocks: list[NDArray[np.float32]] = [] if known.vectors is None else [known.vectors]
    with progress("encoding passages", len(new)) as advance:
        for begin in range(0, len(new), _BLOCK):
            block = new[begin : begin + _BLOCK]
            blocks.append(encoder.encode(block))
            advance(len(block))
    num_known = 0 if known.vectors is None else len(known.vectors)
    rows = {**known.rows, **{text: num_known + i for i, text in enumerate(new)}}
    return np.concatenate(blocks)[[rows[text] for text in texts]]
