"""Lexical RAG: retrieve passages that share words with the question (BM25)."""

from typing import ClassVar

from acclimate.core.domain import TrainData
from acclimate.core.model import Model
from acclimate.retrieval.method import RagMethod


class LexicalRAG(RagMethod):
    """Retrieval by BM25 (Robertson and Zaragoza, 2009), read in context (Lewis et al., 2020).

    Needs no encoder; finds exact names best. Where scores depart from the paper is said at
    `acclimate.retrieval.bm25_index.LexicalIndex`.
    """

    paper: ClassVar[str] = "https://doi.org/10.1561/1500000019"

    def fit(self, base: Model, data: TrainData, *, seed: int) -> Model:
        """Index the documents, or open their cached index."""
        return self.rag_model(base, data, "lexical")
