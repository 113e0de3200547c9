"""Estimates with intervals, differences between systems, and a comparison of them."""

from acclimate.core.record import Record


class Estimate(Record):
    """A mean with its interval."""

    mean: float
    """Over items; over seeds first where there are several."""
    low: float
    """Lower end of the interval."""
    high: float
    """Upper end of the interval."""


class Difference(Record):
    """How much `better` is above `worse`, paired on items."""

    better: str
    """The system with the higher mean."""
    worse: str
    """The other."""
    delta: float
    """Mean of the paired differences, >= 0."""
    low: float
    """Lower end of the interval (cluster bootstrap)."""
    high: float
    """Upper end."""
    p_value: float
    """Two-sided; exact McNemar for right/wrong without groups, else sign flips by cluster."""
    holm_p: float
    """`p_value` adjusted for all pairs reported (Holm, 1979)."""
    mcnemar_p: float | None = None
    """Exact McNemar, where every score is 0 or 1."""
    is_significant: bool = False
    """Whether `holm_p` is below 1 - confidence."""


class Comparison(Record):
    """Every system's mean and every pair's difference."""

    confidence: float
    """Of the intervals, and 1 - the level of the tests."""
    num_items: int
    """Paired on these."""
    num_left_out: int = 0
    """Items that some system has no score of."""
    num_clusters: int
    """Independent groups of them."""
    estimates: dict[str, Estimate]
    """By system, best first."""
    differences: tuple[Difference, ...]
    """Every pair."""

    def between(self, one: str, other: str) -> Difference:
        """The pair's difference, whichever is better."""
        return next(d for d in self.differences if {d.better, d.worse} == {one, other})
