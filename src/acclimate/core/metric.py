"""What a metric is: an answer or its weighed choices in, a number out."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from acclimate.core.domain import Item
from acclimate.core.model import Completion, LogLikelihood
from acclimate.core.record import Record


class Metric(Record):
    """A score of one item's answer, in [0, 1] unless its unit says otherwise; higher is better."""

    reads: ClassVar[Literal["completion", "choices", "passages"]] = "completion"
    """What it judges: a free answer, the weighed choices, or the passages the answer rests on."""

    def of_completion(self, item: Item, completion: Completion) -> float:
        """Score a free answer."""
        raise NotImplementedError

    def of_choices(self, item: Item, weighed: Sequence[LogLikelihood]) -> float:
        """Score the weighed choices, in the order of `item.choices`."""
        raise NotImplementedError

    def of_passages(self, item: Item, documents: Sequence[str]) -> float:
        """Score the ids of the documents that passages came from, best first."""
        raise NotImplementedError
