"""One forward pass at a time in a process, first come first served."""

import threading


class _InTurn:
    """A fair lock: a thread that releases it cannot take it again before those that wait."""

    def __init__(self) -> None:
        self._is_next, self._is_on = threading.Lock(), threading.Lock()

    def __enter__(self) -> None:
        with self._is_next:
            self._is_on.acquire()

    def __exit__(self, *_: object) -> None:
        self._is_on.release()


ONE_PASS = _InTurn()
"""Of a process: two passes at once would only compete for cores, and share a network's routes."""
