"""Scores of one model on one split, and on the control set."""

from dataclasses import dataclass, field

from acclimate.core.record import Record
from acclimate.core.runtime.cost import Cost
from acclimate.core.runtime.fit_log import Notes

ItemScores = dict[str, dict[str, dict[str, float]]]
"""Task name → metric name → item id → score."""


class ControlScore(Record):
    """General ability on the control set."""

    bits_per_byte: float | None = None
    """Of running text; None: there was none, or the model gives no log-probabilities."""
    accuracy: float | None = None
    """Of the control's items; None: there were none."""
    scores: dict[str, float] = {}
    """Control item → its main score."""


@dataclass
class Measured:
    """What one model did on one split."""

    scores: ItemScores = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    sources: dict[str, tuple[str, ...]] = field(default_factory=dict)
    cost: Cost = field(default_factory=Cost)
    latency_seconds: tuple[float, ...] = ()
    notes: dict[str, Notes] = field(default_factory=dict)
    """What the model told while it answered, as the share of votes that were ties."""
