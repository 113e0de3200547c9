"""Whether the answer is the target but for case, spaces and marks around it."""

from acclimate.core.domain import Item
from acclimate.core.metric import Metric
from acclimate.core.model import Completion
from acclimate.data.normalization import normalised


class ExactMatch(Metric):
    """1 where answer and target are the same after normalising, else 0."""

    def of_completion(self, item: Item, completion: Completion) -> float:
        """Score a free answer."""
        return float(normalised(completion.text) == normalised(item.target))
