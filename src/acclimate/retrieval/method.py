"""Base class of the RAG methods, with the settings that they share."""

from typing import ClassVar, Self

from pydantic import Field, model_validator

from acclimate.core.domain import TrainData
from acclimate.core.method import Method
from acclimate.core.model import Model
from acclimate.data.documents.chunking import check_sizes
from acclimate.retrieval.index_cache import cached_index
from acclimate.retrieval.passage_index import SearchMode
from acclimate.retrieval.rag_model import RagModel, check_template


class RagMethod(Method):
    """Adds passages of the user's documents, retrieved for the question, to its prompt."""

    needs: ClassVar[frozenset[str]] = frozenset({"documents"})

    num_passages: int = Field(default=3, ge=1)
    """Passages in each prompt; three of 64 words leave room in a window of 512 tokens."""
    chunk_tokens: int = Field(default=64, ge=1)
    """The longest passage, in words and punctuation marks."""
    overlap_tokens: int = Field(default=16, ge=0)
    """Tokens that a passage repeats of the one before, at most; a quarter of it."""
    template: str = ""
    """Jinja layout of the whole prompt, with `question`, `passages` and the other parts of
    `acclimate.core.prompt.Prompt`; empty keeps the task's own."""

    @model_validator(mode="after")
    def _can_be(self) -> Self:
        check_sizes(self.chunk_tokens, self.overlap_tokens)
        check_template(self.template)
        return self

    def rag_model(
        self, base: Model, data: TrainData, search: SearchMode, *, encoder: str = ""
    ) -> RagModel:
        """The base with passages of the documents; their index is made unless it is cached.

        Args:
            base: Reads the passages and answers.
            data: With the documents.
            search: By words, by vectors, or both.
            encoder: Of vectors; empty where words alone are searched.
        """
        index = cached_index(
            data.documents,
            chunk_tokens=self.chunk_tokens,
            overlap_tokens=self.overlap_tokens,
            encoder=encoder,
        )
        return RagModel(base, index, self.num_passages, search, self.template)
