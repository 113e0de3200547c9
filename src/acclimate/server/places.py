"""A bounded pool of threads: each request takes a place and gives it back."""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Generic, TypeVar

from acclimate.core.leaving import Waiter, working_for
from acclimate.server.limits import Limits
from acclimate.server.refusal import RefusedError

T = TypeVar("T")


class Places:
    """Runs the work of requests in threads, so many at once, so many waiting, and no more."""

    def __init__(self, limits: Limits) -> None:
        """Have as many places as the limits say."""
        self.limits = limits
        self.taken = 0
        """By requests that run or wait."""
        self._counting = threading.Lock()
        self._threads = self._pool()

    @property
    def running(self) -> int:
        """Requests that are worked on."""
        return min(self.taken, self.limits.max_running)

    @property
    def waiting(self) -> int:
        """Requests that wait for a thread."""
        return self.taken - self.running

    async def pieces(self, make: Callable[[], Iterable[T]]) -> AsyncGenerator[list[T], None]:
        """What an iterable gives, made in a thread, as it comes; whatever is there, at once.

        Who stops reading has it closed before its next piece, and networks that write for it stop.

        Raises:
            RefusedError: All places are taken, or it takes too long.
        """
        if self.taken >= self.limits.max_running + self.limits.max_waiting:
            raise RefusedError(
                429, f"{self.taken} requests are being answered or wait; try again soon"
            )
        loop = asyncio.get_running_loop()
        channel: Channel[T] = Channel(loop)
        with self._counting:
            self.taken += 1
        work = self._threads.submit(channel.fill, make)
        # Given back when the thread is done, which may be after its reader has left.
        work.add_done_callback(self._free)
        seconds = self.limits.request_seconds
        late = RefusedError(504, f"no answer after {seconds:g} seconds; ask for a shorter one")
        timer = loop.call_later(seconds, channel.fail, late)
        try:
            while found := await channel.read():
                yield found
        finally:
            timer.cancel()
            channel.waiter.go()
            work.cancel()

    def _free(self, _work: "Future[None]") -> None:
        with self._counting:
            self.taken -= 1

    def close(self) -> None:
        """Let threads end; what waits is not begun. An application may be started again."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._threads = self._pool()

    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.limits.max_running, thread_name_prefix="request")


class Channel(Generic[T]):
    """From a thread that makes pieces to a coroutine that reads them."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin empty."""
        self.waiter = Waiter()
        """The reader; when it goes, nothing more is wanted."""
        self._loop = loop
        self._pieces: deque[T] = deque()
        self._is_over = False
        self._fault: BaseException | None = None
        self._news = asyncio.Event()
        self._is_told = False

    def fill(self, make: Callable[[], Iterable[T]]) -> None:
        """Make the pieces, in the thread."""
        pieces: Iterator[T] = iter(())
        try:
            with working_for(self.waiter):
                if not self.waiter.is_gone:
                    pieces = iter(make())
                for piece in pieces:
                    if self.waiter.is_gone:
                        break
                    self._pieces.append(piece)
                    self._tell()
        except BaseException as error:  # noqa: BLE001  (the reader raises it)
            self._fault = error if isinstance(error, Exception) else _contained(error)
        finally:
            try:
                _close(pieces)
            finally:
                self._is_over = True
                self._tell()

    def fail(self, error: BaseException) -> None:
        """End with an error, from the loop."""
        self._fault, self._is_over = error, True
        self._news.set()

    async def read(self) -> list[T]:
        """All pieces that are there, one at least; none at the end.

        Raises:
            BaseException: Whatever making them raised, once they are read.
        """
        while not self._pieces and not self._is_over:
            await self._news.wait()
            self._news.clear()
            self._is_told = False
        found = [self._pieces.popleft() for _ in range(len(self._pieces))]
        if not found and self._fault is not None:
            raise self._fault
        return found

    def _tell(self) -> None:
        # Waking the loop costs a system call: once is enough until it has looked.
        if not self._is_told or self._is_over:
            self._is_told = True
            with suppress(RuntimeError):  # the loop is gone, and who waited in it
                self._loop.call_soon_threadsafe(self._news.set)


def _contained(error: BaseException) -> Exception:
    """An exit, or the panic of a library in Rust, as what ends one request and not the server."""
    contained = RuntimeError(f"{type(error).__name__}: {error}")
    contained.__cause__ = error
    return contained


def _close(pieces: Any) -> None:
    close = getattr(pieces, "close", None)
    if close is not None:
        close()
