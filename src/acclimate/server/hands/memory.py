"""Keep the memory of a long-lived process level, where the C library can."""

import ctypes
import gc

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
    """Have Python's collector pass over all objects there are, which libraries and models are.

    Going through half a million of them stops every answer for a third of a second.
    """
    gc.collect()
    gc.freeze()
