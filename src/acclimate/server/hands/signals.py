"""The signals that tell a server to stop, kept from the processes it starts."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""What tells the server to stop: a terminal or a supervisor tells all of its processes."""


@contextmanager
def held_back() -> Iterator[None]:
    """Let a process that is started meanwhile hear of none of them until it allows them."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def pass_over() -> None:
    """Do nothing when they come, from now on; processes started from here may do as they like."""
    for one in SIGNALS:
        signal.signal(one, lambda *_: None)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
