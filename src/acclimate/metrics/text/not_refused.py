"""Whether the answer takes the request up and does not decline it."""

import re

from acclimate.core.domain import Item
from acclimate.core.metric import Metric
from acclimate.core.model import Completion

DECLINING = (
    r"\bi('m| am) (just |really |far |much )*(too )?busy\b",
    r"\b(no|have) time (for|to)\b|\bdon'?t have (the )?time\b",
    r"\bi (can'?t|cannot|can not|won'?t|will not|am unable to|would rather not|refuse to)\b",
    r"\bi('m| am) (not able|unable|not allowed|not going) to\b",
    r"\b(sorry|apologi[sz]e|apologies|afraid)\W+(but|i can|i am not|i'm not)",
    r"\bi (do not|don'?t) (want|feel like|care|do that)\b",
    r"\b(ask|try) (someone|somebody|anyone) else\b|\bmaybe later\b|\bnot now\b",
)
"""English ways to turn a request down, from manners (too busy) to rules (not allowed)."""
_ANY = re.compile("|".join(DECLINING), re.IGNORECASE)


class NotRefused(Metric):
    """1 unless an English answer declines or is empty; whether it is right is not looked at."""

    def of_completion(self, item: Item, completion: Completion) -> float:
        """Score a free answer."""
        text = completion.text.replace("\u2019", "'").strip()
        return float(bool(text) and not _ANY.search(text))
