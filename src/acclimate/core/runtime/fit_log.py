"""What a fit tells besides its model: facts and curves for the report."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from acclimate.core.record import Record

Curve = tuple[tuple[float, float], ...]
"""Points: step and value."""


class Notes(Record):
    """What one fit logged."""

    facts: dict[str, float | str] = {}
    """Name, with its unit in words, → value."""
    curves: dict[str, Curve] = {}
    """Name, with its unit in words, → points by step."""


@dataclass
class FitLog:
    """Collects what is logged while it is open."""

    facts: dict[str, float | str] = field(default_factory=dict)
    curves: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    sums: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Of each mean: the total, and over how many."""

    def notes(self) -> Notes:
        """All that was logged so far; NaN and infinity are named, and left out of curves."""
        facts = {k: v if _is_kept(v) else "not a number" for k, v in self.facts.items()}
        curves = {k: tuple(p for p in v if _is_kept(p[1])) for k, v in self.curves.items()}
        return Notes(facts=facts, curves=curves)


def _is_kept(value: float | str) -> bool:
    """A note that cannot be kept must not cost the model that was fitted."""
    return isinstance(value, str) or math.isfinite(value)


_open: ContextVar[tuple[FitLog, ...]] = ContextVar("open_notebooks", default=())


def log_value(name: str, value: float | str) -> None:
    """Log a value; a later one of the same name takes its place."""
    for book in _open.get():
        book.facts[name] = value


def log_mean(name: str, total: float, count: float) -> None:
    """Add to a logged mean: all totals over all counts."""
    for book in _open.get() if count else ():
        before, over = book.sums.get(name, (0.0, 0.0))
        book.sums[name] = (before + total, over + count)
        book.facts[name] = (before + total) / (over + count)


def log_point(curve: str, step: float, value: float) -> None:
    """Log a point of a curve."""
    for book in _open.get():
        book.curves.setdefault(curve, []).append((step, value))


@contextmanager
def collect_log() -> Iterator[FitLog]:
    """Collect what the body logs; logs may nest."""
    book = FitLog()
    token = _open.set((*_open.get(), book))
    try:
        yield book
    finally:
        _open.reset(token)


@contextmanager
def muted() -> Iterator[None]:
    """Keep what the body logs out of every open log.

    A member of an ensemble may be one itself: its facts have the names of the outer one's.
    """
    token = _open.set(())
    try:
        yield
    finally:
        _open.reset(token)
