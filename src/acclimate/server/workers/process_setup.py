"""How a process that answers is set up: its memory, processors and signals."""

import ctypes
import gc
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8
"""glibc's numbers of `mallopt`'s parameters."""
NUM_ARENAS = 2
LARGE_BYTES = 2**25


def give_memory_back() -> bool:
    """Have glibc hold little of what is freed; whether it was told.

    Each of many threads would else have memory of its own, and tensors of ever other sizes would
    leave gaps in it. Call it before threads are started.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    settings = (
        (ARENA_MAX, NUM_ARENAS),
        (MMAP_THRESHOLD, LARGE_BYTES),
        (TRIM_THRESHOLD, LARGE_BYTES),
    )
    return all(mallopt(number, value) == 1 for number, value in settings)


def keep_what_is_there() -> None:
    """Exempt all present objects from garbage collection.

    Going through half a million of them stops every answer for a third of a second.
    """
    gc.collect()
    gc.freeze()


def processors() -> list[int]:
    """Processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def keep_to(processor: int) -> bool:
    """Pin threads started from here to one processor; whether the system allows it.

    Networks and those who listen take turns at one interpreter anyway: on two processors each turn
    finds its caches cold.
    """
    if not hasattr(os, "sched_setaffinity"):
        return False
    try:
        os.sched_setaffinity(0, {processor})
    except OSError:  # it was taken from us since
        return False
    return True


def interrupt_nobody() -> bool:
    """Schedule threads and processes started from here without preempting others.

    Whoever has news is woken a thousand times a second, and each time a network would find the
    processor's cache cold.
    """
    if not hasattr(os, "SCHED_BATCH"):
        return False
    try:
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    except OSError:
        return False
    return True


SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""What tells the server to stop: a terminal or a supervisor tells all of its processes."""


@contextmanager
def held_back() -> Iterator[None]:
    """Block the stop signals for a process that is started meanwhile."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def pass_over() -> None:
    """Ignore the stop signals from now on."""
    for one in SIGNALS:
        signal.signal(one, lambda *_: None)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
