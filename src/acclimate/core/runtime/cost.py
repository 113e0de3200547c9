"""What work costs: time, tokens, operations and memory, counted where it happens."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

from acclimate.core.record import Record


class Cost(Record):
    """What a piece of work took."""

    seconds: float = 0.0
    """Wall time."""
    prompt_tokens: int = 0
    """Tokens read; a prefix that was computed once counts once."""
    new_tokens: int = 0
    """Tokens written."""
    train_tokens: int = 0
    """Tokens trained on, each time they were."""
    flops: float = 0.0
    """Floating-point operations: 2 a parameter and token read or written, 6 trained on."""
    peak_bytes: int | None = None
    """Largest resident memory of the process meanwhile; None: not measured."""
    paid_usd: float = 0.0
    """What others charged."""

    def __add__(self, other: "Cost") -> "Cost":
        peaks = [p for p in (self.peak_bytes, other.peak_bytes) if p is not None]
        return Cost(
            seconds=self.seconds + other.seconds,
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            new_tokens=self.new_tokens + other.new_tokens,
            train_tokens=self.train_tokens + other.train_tokens,
            flops=self.flops + other.flops,
            peak_bytes=max(peaks, default=None),
            paid_usd=self.paid_usd + other.paid_usd,
        )


@dataclass
class Meter:
    """Collects what is spent while it is open; `cost` is final when it closes."""

    cost: Cost = field(default_factory=Cost)


_open: ContextVar[tuple[Meter, ...]] = ContextVar("open_meters", default=())


def spend(cost: Cost) -> None:
    """Add to every open meter."""
    for meter in _open.get():
        meter.cost = meter.cost + cost


@contextmanager
def metered() -> Iterator[Meter]:
    """Count what the body spends, its wall time and its peak memory; meters may nest."""
    meter = Meter()
    token = _open.set((*_open.get(), meter))
    watch = _MemoryWatch()
    start = time.perf_counter()
    try:
        yield meter
    finally:
        seconds = time.perf_counter() - start
        _open.reset(token)
        peak = watch.stop()
        meter.cost = meter.cost + Cost(seconds=seconds, peak_bytes=peak)


class _MemoryWatch:
    """Samples resident memory from a thread: the kernel's own peak cannot be reset portably."""

    interval_seconds = 0.02

    def __init__(self) -> None:
        self._peak = resident_bytes()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        if self._peak is not None:
            self._thread.start()

    def _watch(self) -> None:
        while not self._done.wait(self.interval_seconds):
            self._peak = max(self._peak or 0, resident_bytes() or 0)

    def stop(self) -> int | None:
        self._done.set()
        if self._peak is not None:
            self._thread.join()
            self._peak = max(self._peak, resident_bytes() or 0)
        return self._peak


def resident_bytes(process_id: int | None = None) -> int | None:
    """Resident memory of a process, this one if none is told; None where the system is silent."""
    try:
        pages = int(Path(f"/proc/{process_id or 'self'}/statm").read_text().split()[1])
    except (OSError, ValueError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")
