"""How far one system is above another, with its sign."""

from dataclasses import dataclass

from acclimate.statistics.comparison import Comparison
from acclimate.study.wording import probability, signed


@dataclass(frozen=True, slots=True)
class Gap:
    """Mean of one system less another's, paired on items."""

    delta: float
    low: float
    high: float
    holm_p: float
    is_significant: bool

    @property
    def verdict(self) -> str:
        """In words: better, worse, or nothing shown."""
        if not self.is_significant:
            return "no difference shown"
        return "better" if self.delta > 0 else "worse"

    def __str__(self) -> str:
        return f"{signed(self.delta)} [{signed(self.low)}, {signed(self.high)}]"

    @property
    def evidence(self) -> str:
        """Interval and p, to stand in brackets."""
        ends = f"{signed(self.low)} to {signed(self.high)}"
        return f"{ends}; Holm-adjusted {probability(self.holm_p)}"


def gap(comparison: Comparison, one: str, other: str) -> Gap | None:
    """How much `one` is above `other`; None where the two were not compared."""
    for d in comparison.differences:
        if (d.better, d.worse) == (one, other):
            return Gap(d.delta, d.low, d.high, d.holm_p, d.is_significant)
        if (d.worse, d.better) == (one, other):
            return Gap(-d.delta, -d.high, -d.low, d.holm_p, d.is_significant)
    return None


def is_worse(comparison: Comparison, one: str, other: str) -> bool:
    """Whether `one` is significantly below `other`."""
    difference = gap(comparison, one, other)
    return difference is not None and difference.is_significant and difference.delta < 0
