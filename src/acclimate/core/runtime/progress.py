"""Progress of long work: told here, shown by whoever listens, or by nobody."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar

Advance = Callable[[float], None]
"""Call with how much of the total has been done since the last call."""
ProgressListener = Callable[[str, float], AbstractContextManager[Advance]]
"""Called with a label and a total when a piece of work begins."""


def _nobody(label: str, total: float) -> AbstractContextManager[Advance]:
    return nullcontext(lambda _done: None)


MessageHandler = Callable[[str], None]
"""Called with a sentence for the user."""

_listener: ContextVar[ProgressListener] = ContextVar("progress_listener", default=_nobody)
_message_handler: ContextVar[MessageHandler] = ContextVar("hearer", default=lambda _text: None)


def progress(label: str, total: float) -> AbstractContextManager[Advance]:
    """Begin a piece of work of so many units; enter it and call what it gives as they are done."""
    return _listener.get()(label, total)


def notify(text: str) -> None:
    """Show a sentence to whoever follows the progress."""
    _message_handler.get()(text)


@contextmanager
def report_progress_to(
    listener: ProgressListener, hearer: MessageHandler = lambda _text: None
) -> Iterator[None]:
    """Show progress with `listener`, and sentences with `hearer`, while the body runs."""
    tokens = _listener.set(listener), _message_handler.set(hearer)
    try:
        yield
    finally:
        _listener.reset(tokens[0])
        _message_handler.reset(tokens[1])
