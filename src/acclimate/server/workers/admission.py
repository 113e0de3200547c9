"""A bounded number of places: each request takes one and gives it back."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Sequence
from typing import Any, Protocol

from acclimate.server.api_errors import ApiError
from acclimate.server.jobs import ServerJob
from acclimate.server.limits import Limits
from acclimate.server.workers.stream_channel import Channel, Sink


class WorkerPool(Protocol):
    """What does the jobs: threads of this process, or other processes."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of the systems that they have."""

    @property
    def num_ready(self) -> int:
        """Processes that do jobs now."""

    @property
    def num_loading(self) -> int:
        """Processes that will."""

    @property
    def process_ids(self) -> Sequence[int]:
        """Of the processes that do the work beside this one."""

    def begin(self, job: ServerJob, sink: Sink) -> None:
        """Have a job done; whatever is in the way of it, the sink is told."""

    def leave(self, sink: Sink) -> None:
        """Want no more of it."""

    def close(self) -> None:
        """Begin nothing more."""


class AdmissionQueue:
    """Has the work of requests done: so many at once, so many waiting, and no more."""

    def __init__(self, limits: Limits, hands: WorkerPool) -> None:
        """Have as many places as the limits say."""
        self.limits = limits
        self.hands = hands
        self.taken = 0
        """By requests that run or wait."""
        self._counting = threading.Lock()

    @property
    def running(self) -> int:
        """Requests that are worked on."""
        return min(self.taken, self.limits.max_running)

    @property
    def waiting(self) -> int:
        """Requests that wait for a thread."""
        return self.taken - self.running

    async def pieces(self, job: ServerJob) -> AsyncGenerator[list[Any], None]:
        """What a job gives, as it comes; whatever is there, at once.

        Who stops reading has it closed before its next piece, and networks that write for it stop.

        Raises:
            RefusedError: All places are taken, or it takes too long.
        """
        if self.taken >= self.limits.max_running + self.limits.max_waiting:
            raise ApiError(429, f"{self.taken} requests are being answered or wait; try again soon")
        loop = asyncio.get_running_loop()
        # The place is given back when the work ends, which may be after its reader has left.
        channel = Channel(loop, lambda: self._count(-1))
        self._count(1)
        self.hands.begin(job, channel)
        seconds = self.limits.request_seconds
        late = ApiError(504, f"no answer after {seconds:g} seconds; ask for a shorter one")
        timer = loop.call_later(seconds, channel.fail, late)
        try:
            while found := await channel.read():
                yield found
        finally:
            timer.cancel()
            self.hands.leave(channel)

    def _count(self, more: int) -> None:
        with self._counting:
            self.taken += more
