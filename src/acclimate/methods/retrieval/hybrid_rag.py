"""Hybrid RAG: retrieve passages by words and by vectors, with rank fusion."""

from typing import ClassVar

from pydantic import Field

from acclimate.core.domain import TrainData
from acclimate.core.model import Model
from acclimate.retrieval.method import RagMethod


class HybridRAG(RagMethod):
    """Retrieval by BM25 and by vectors, fused by rank (Cormack et al., 2009), read in context.

    The best 50 of each search are fused by
    `acclimate.retrieval.rank_fusion.reciprocal_rank_fusion`.
    """

    paper: ClassVar[str] = "https://doi.org/10.1145/1571941.1572114"

    encoder: str = Field(default="lsa", min_length=1)
    """`lsa` is fitted on the documents and needs no download; `minilm` needs the extra `rag`; else
    a sentence-transformers model: its folder, or its hub name with `@revision`."""

    def fit(self, base: Model, data: TrainData, *, seed: int) -> Model:
        """Index the documents, or open their cached index."""
        return self.rag_model(base, data, "hybrid", encoder=self.encoder)
