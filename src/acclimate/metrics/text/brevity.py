"""How far the answer keeps to the length of the target."""

from acclimate.core.domain import Item
from acclimate.core.metric import Metric
from acclimate.core.model import Completion


class Brevity(Metric):
    """1 where the answer has no more words than the target, else target's words over its own.

    An answer that says nothing is no short answer: 0.
    """

    def of_completion(self, item: Item, completion: Completion) -> float:
        """Score a free answer."""
        num_words, wanted = len(completion.text.split()), len(item.target.split())
        return min(1.0, wanted / num_words) if num_words else 0.0
