"""One forward pass at a time in a process, first come first served."""

import threading


class _InTurn:
    """A lock that who let it go cannot take again before those who waited for it."""

    def __init__(self) -> None:
        self._is_next, self._is_on = threading.Lock(), threading.Lock()

    def __enter__(self) -> None:
        with self._is_next:
            self._is_on.acquire()

    def __exit__(self, *_: object) -> None:
        self._is_on.release()


ONE_PASS = _InTurn()
"""Of a process: two at once would only take each other's processor, and a network's routes."""
