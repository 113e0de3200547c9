"""Progress of long work: told here, shown by whoever listens, or by nobody."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar

Advance = Callable[[float], None]
"""Call with how much of the total has been done since the last call."""
Listener = Callable[[str, float], AbstractContextManager[Advance]]
"""Called with a label and a total when a piece of work begins."""


def _nobody(label: str, total: float) -> AbstractContextManager[Advance]:
    return nullcontext(lambda _done: None)


_listener: ContextVar[Listener] = ContextVar("progress_listener", default=_nobody)


def progress(label: str, total: float) -> AbstractContextManager[Advance]:
    """Begin a piece of work of so many units; enter it and call what it gives as they are done."""
    return _listener.get()(label, total)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Show progress with `listener` while open."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
