"""Which processors a process computes on, and how it takes turns there."""

import os


def processors() -> list[int]:
    """Those that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def keep_to(processor: int) -> bool:
    """Have threads started from here stay on one processor; whether the system lets them.

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
    """Have threads and processes started from here wait for the turn of one that computes to end.

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
