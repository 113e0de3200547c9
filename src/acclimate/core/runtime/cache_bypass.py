"""Answer as if nothing had been asked before, so that time and cost are true."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_afresh: ContextVar[bool] = ContextVar("afresh", default=False)


def is_afresh() -> bool:
    """Whether answers from earlier calls may be neither given nor kept."""
    return _afresh.get()


@contextmanager
def afresh() -> Iterator[None]:
    """Let every call in the body answer from nothing but what it is asked itself."""
    token = _afresh.set(True)
    try:
        yield
    finally:
        _afresh.reset(token)
