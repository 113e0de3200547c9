"""Modules that run though nothing imports them by name: told to all that listen."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Listener = Callable[[str], None]
"""Called with a module's name."""

_listeners: list[Listener] = []
_lock = threading.Lock()


def note_module(name: str) -> None:
    """Tell all that listen, in whatever thread, of a module that was loaded by a name."""
    with _lock:
        for listener in _listeners:
            listener(name)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Let `listener` be told while open."""
    with _lock:
        _listeners.append(listener)
    try:
        yield
    finally:
        with _lock:
            _listeners.remove(listener)
