"""One over the rank of the first document found that holds the answer."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from acclimate.core.domain import Item
from acclimate.core.errors import NotApplicableError
from acclimate.core.metric import Metric


class ReciprocalRank(Metric):
    """1/rank among distinct documents of the first that is a source of the item; 0: none is."""

    reads: ClassVar[Literal["completion", "choices", "passages"]] = "passages"

    def of_passages(self, item: Item, documents: Sequence[str]) -> float:
        """Score the ids of the documents that passages came from, best first.

        Raises:
            NotApplicableError: The item does not say which documents hold its answer.
        """
        if not item.sources:
            raise NotApplicableError(f"item {item.id} has no sources, so rank is undefined")
        distinct = enumerate(dict.fromkeys(documents), start=1)
        return next((1 / rank for rank, id_ in distinct if id_ in item.sources), 0.0)
