"""What a recipe kept of what the base could do."""

from acclimate.core.data import Record


class Capability(Record):
    """Scores on the items that the base answered well, test and control, before and after.

    What the base got right by luck is among them, and another model loses some of it without being
    worse (the negative flips of Yan et al. 2021): a little is always lost.
    """

    num_items: int
    """Items that the base scored at least one half on; 0: there was nothing to lose."""
    before: float
    """The base's mean score on them."""
    after: float
    """The recipe's, over seeds first where there are several."""
    low: float
    """Lower end of the interval of `after - before`, paired on items."""
    high: float
    """Upper end."""

    @property
    def lost(self) -> float:
        """Share of the base's score that is gone; below 0 where it was bettered."""
        return (self.before - self.after) / self.before if self.num_items else 0.0
