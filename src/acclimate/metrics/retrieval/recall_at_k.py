"""The share of the documents with the answer that are among the first k found."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from acclimate.core.domain import Item
from acclimate.core.errors import NotApplicableError
from acclimate.core.metric import Metric


class RecallAtK(Metric):
    """Found sources among the first k distinct documents, over all sources of the item."""

    reads: ClassVar[Literal["completion", "choices", "passages"]] = "passages"

    k: int = Field(default=5, ge=1)
    """How many distinct documents count; 5 is what a short context window holds."""

    def of_passages(self, item: Item, documents: Sequence[str]) -> float:
        """Score the ids of the documents that passages came from, best first.

        Raises:
            NotApplicableError: The item does not say which documents hold its answer.
        """
        if not item.sources:
            raise NotApplicableError(f"item {item.id} has no sources, so recall is undefined")
        first = set(list(dict.fromkeys(documents))[: self.k])
        return len(first & set(item.sources)) / len(set(item.sources))
