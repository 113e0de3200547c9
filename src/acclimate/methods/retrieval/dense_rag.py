"""Show passages that lie near the question by meaning (vectors)."""

from typing import ClassVar, Self

from pydantic import Field, model_validator

from acclimate.core.data import TrainData
from acclimate.core.method import Method
from acclimate.core.model import Model
from acclimate.index.cached import cached_index
from acclimate.index.retrieval_model import WithPassages, check_template
from acclimate.text.chunking import check_sizes


class DenseRAG(Method):
    """Retrieval by nearest vectors, read in context (Lewis et al., 2020, section 2).

    Differs: encoder and reader are not trained together, and all passages are read in one prompt
    instead of being averaged over.
    """

    paper: ClassVar[str] = "https://arxiv.org/abs/2005.11401"
    needs: ClassVar[frozenset[str]] = frozenset({"documents"})

    num_passages: int = Field(default=3, ge=1)
    """Passages in each prompt; three of 64 words leave room in a window of 512 tokens."""
    chunk_tokens: int = Field(default=64, ge=1)
    """The longest passage, in words and punctuation marks."""
    overlap_tokens: int = Field(default=16, ge=0)
    """What a passage says again of the one before, at most; a quarter of it."""
    encoder: str = Field(default="lsa", min_length=1)
    """`lsa` is fitted on the documents and needs no download; `minilm` needs the extra `rag`; else
    a sentence-transformers model: its folder, or its hub name with `@revision`."""
    template: str = ""
    """Jinja layout of the whole prompt, with `question`, `passages` and the other parts of
    `acclimate.core.prompt.Prompt`; empty keeps the task's own."""

    @model_validator(mode="after")
    def _can_be(self) -> Self:
        check_sizes(self.chunk_tokens, self.overlap_tokens)
        check_template(self.template)
        return self

    def fit(self, base: Model, data: TrainData, *, seed: int) -> Model:
        """Index the documents, or find their index where it was made before."""
        index = cached_index(
            data.documents,
            chunk_tokens=self.chunk_tokens,
            overlap_tokens=self.overlap_tokens,
            encoder=self.encoder,
        )
        return WithPassages(base, index, self.num_passages, "dense", self.template)
