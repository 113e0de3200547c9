"""Whoever waits for an answer may go away, and the work for it should end then."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from acclimate.core.errors import AcclimateError


class CancelledError(AcclimateError):
    """Work was cancelled: no fault of a model, and no reason to go on without it."""


class CancelToken:
    """Tells work that nobody waits for its result any more."""

    def __init__(self) -> None:
        """Be there."""
        self.is_gone = False
        self._lock = threading.Lock()
        self._stops: list[Callable[[], None]] = []

    def cancel(self) -> None:
        """Stop what works under this token, now and from now on."""
        with self._lock:
            self.is_gone = True
            stops = list(self._stops)
        for stop in stops:
            stop()

    @contextmanager
    def stopping(self, stop: Callable[[], None]) -> Iterator[None]:
        """Call `stop`, from whatever thread, if it is cancelled during the body."""
        with self._lock:
            self._stops.append(stop)
            is_gone = self.is_gone
        if is_gone:
            stop()
        try:
            yield
        finally:
            with self._lock:
                self._stops.remove(stop)


_token: ContextVar[CancelToken | None] = ContextVar("waiter", default=None)


@contextmanager
def cancellable_by(waiter: CancelToken) -> Iterator[None]:
    """Let a token cancel all work of the body, in this thread."""
    token = _token.set(waiter)
    try:
        yield
    finally:
        _token.reset(token)


def is_cancellable() -> bool:
    """Whether a token may cancel the work of this thread."""
    return _token.get() is not None


@contextmanager
def on_cancel(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` when the body's work is cancelled."""
    waiter = _token.get()
    if waiter is None:
        yield
    else:
        with waiter.stopping(stop):
            yield
