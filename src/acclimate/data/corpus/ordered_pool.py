"""Work on batches in several processes; results in order, little in memory."""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import parent_process
from multiprocessing.connection import wait
from typing import TypeVar

from acclimate.core.errors import BackendError

T = TypeVar("T")
R = TypeVar("R")


def num_processors() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def map_in_order(work: Callable[[T], R], batches: Iterable[T], num_processes: int) -> Iterator[R]:
    """The results of `work`, in the order of the batches.

    Args:
        work: A function that can be sent to another process.
        batches: Taken as they are needed: one for each process, and two that wait.
        num_processes: With 1, this process does the work.

    Raises:
        BackendError: A process died.
    """
    if num_processes == 1:
        yield from map(work, batches)
        return
    waiting: deque[Future[R]] = deque()
    pool = ProcessPoolExecutor(num_processes, initializer=_end_with_parent)
    try:
        for batch in batches:
            waiting.append(pool.submit(work, batch))
            if len(waiting) > num_processes + 1:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool:
        raise BackendError("a process that cleaned documents died; was the memory full?") from None
    finally:
        pool.shutdown(cancel_futures=True)


def _end_with_parent() -> None:
    """Let this process end when the one that started it does, killed or not."""
    parent = parent_process()

    def watch() -> None:
        if parent:
            wait([parent.sentinel])
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
