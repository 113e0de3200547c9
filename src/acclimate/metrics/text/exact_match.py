"""Whether the answer is the target but for case, spaces and marks around it."""

from acclimate.core.data import Item
from acclimate.core.metric import Metric
from acclimate.core.model import Completion

_QUOTES = "\"'`\u2018\u2019\u201c\u201d\u00ab\u00bb"
_CLOSING = ".,;:!?"


class ExactMatch(Metric):
    """1 where answer and target are the same after normalising, else 0."""

    def of_completion(self, item: Item, completion: Completion) -> float:
        """Score a free answer."""
        return float(normalised(completion.text) == normalised(item.target))


def normalised(text: str) -> str:
    """Lower case, single spaces, no surrounding quotes or backticks, no trailing punctuation."""
    short = " ".join(text.casefold().split())
    bare = short.strip(_QUOTES).rstrip(_CLOSING).strip(_QUOTES).strip()
    return bare or short
