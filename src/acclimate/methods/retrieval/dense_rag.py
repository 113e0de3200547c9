"""Dense RAG: retrieve passages by the nearest vectors of the question."""

from typing import ClassVar

from pydantic import Field

from acclimate.core.domain import TrainData
from acclimate.core.model import Model
from acclimate.retrieval.method import RagMethod


class DenseRAG(RagMethod):
    """Retrieval by nearest vectors, read in context (Lewis et al., 2020, section 2).

    Differs: encoder and reader are not trained together, and all passages are read in one prompt
    instead of being averaged over.
    """

    paper: ClassVar[str] = "https://arxiv.org/abs/2005.11401"

    encoder: str = Field(default="lsa", min_length=1)
    """`lsa` is fitted on the documents and needs no download; `minilm` needs the extra `rag`; else
    a sentence-transformers model: its folder, or its hub name with `@revision`."""

    def fit(self, base: Model, data: TrainData, *, seed: int) -> Model:
        """Index the documents, or open their cached index."""
        return self.rag_model(base, data, "dense", encoder=self.encoder)
