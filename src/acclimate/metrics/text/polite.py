"""Whether the answer has a marker of politeness."""

import re

from acclimate.core.domain import Item
from acclimate.core.metric import Metric
from acclimate.core.model import Completion

MARKERS = {
    "gratitude": r"\b(thanks?|thank you|appreciate|grateful)\b",
    "greeting": r"^\W*(hi|hello|hey|dear|good (morning|afternoon|evening|day))\b",
    "apology": r"\b(sorry|apologi[sz]e|apologies|excuse me|forgive me|i regret)\b",
    "please": r"\w\W+please\b",  # not as the first word, where it is felt as an order
    "counterfactual": r"\b(could|would) you\b",
    "deference": r"\b(you're welcome|you are welcome|my pleasure|happy to|glad to|good question)\b",
}
"""English strategies that people rate as polite (Danescu-Niculescu-Mizil et al. 2013, table 3)."""
_ANY = re.compile("|".join(MARKERS.values()), re.IGNORECASE)


class Polite(Metric):
    """1 where an English answer thanks, greets, apologises, asks kindly or defers, else 0.

    Differs: the paper weighs many strategies in a classifier of requests; this only looks for the
    plainest, so its mean is a share of answers, and no measure of how polite each one is.
    """

    def of_completion(self, item: Item, completion: Completion) -> float:
        """Score a free answer."""
        return float(bool(_ANY.search(completion.text.replace("\u2019", "'"))))
