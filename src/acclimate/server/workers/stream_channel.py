"""From whatever makes pieces, thread or process, to the coroutine that reads."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from acclimate.core.runtime.cancellation import CancelToken


class Sink(Protocol):
    """Receives the pieces of one job, from whatever thread."""

    waiter: CancelToken
    """Who waits for them; when they go, nothing more is wanted."""

    def put(self, piece: Any) -> None:
        """Hand one over."""

    def end(self, fault: Exception | None = None) -> None:
        """End the stream, once, with the fault if there was one."""


class Channel:
    """A sink that a coroutine reads."""

    def __init__(self, loop: asyncio.AbstractEventLoop, at_end: Callable[[], None]) -> None:
        """Begin empty; `at_end` is called when nothing more is made."""
        self.waiter = CancelToken()
        self._loop = loop
        self._at_end = at_end
        self._pieces: deque[Any] = deque()
        self._is_over = False
        self._fault: Exception | None = None
        self._news = asyncio.Event()
        self._is_told = False

    def put(self, piece: Any) -> None:
        """Hand one over."""
        self._pieces.append(piece)
        self._tell()

    def end(self, fault: Exception | None = None) -> None:
        """Say that there are no more."""
        self._fault = self._fault or fault
        self._is_over = True
        self._tell()
        self._at_end()

    def fail(self, error: Exception) -> None:
        """Fail the reader, from the event loop."""
        self._fault, self._is_over = error, True
        self._news.set()

    async def read(self) -> list[Any]:
        """All pieces that are there, one at least; none at the end.

        Raises:
            Exception: Whatever making them raised, once they are read.
        """
        while not self._pieces and not self._is_over:
            await self._news.wait()
            self._news.clear()
            self._is_told = False
        pieces = [self._pieces.popleft() for _ in range(len(self._pieces))]
        if not pieces and self._fault is not None:
            raise self._fault
        return pieces

    def _tell(self) -> None:
        # Waking the loop costs a system call: once is enough until it has looked.
        if not self._is_told or self._is_over:
            self._is_told = True
            with suppress(RuntimeError):  # the loop is gone, and who waited in it
                self._loop.call_soon_threadsafe(self._news.set)
