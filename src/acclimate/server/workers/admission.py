"""Admission of requests: so many at once, so many waiting, the rest refused."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Sequence
from typing import Any, Protocol

from acclimate.server.api_errors import ApiError
from acclimate.server.jobs import ServerJob
from acclimate.server.limits import Limits
from acclimate.server.workers.stream_channel import Channel, Sink


class WorkerPool(Protocol):
    """Workers that run jobs: threads of this process, or other processes."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the systems that workers have."""

    @property
    def num_ready(self) -> int:
        """Number of processes that run jobs now."""

    @property
    def num_loading(self) -> int:
        """Number of processes that are still loading."""

    @property
    def process_ids(self) -> Sequence[int]:
        """Ids of the worker processes beside this one."""

    def begin(self, job: ServerJob, sink: Sink) -> None:
        """Begin a job; its pieces, and any fault, go to the sink."""

    def leave(self, sink: Sink) -> None:
        """Cancel a job."""

    def close(self) -> None:
        """Stop, and begin nothing more."""


class AdmissionQueue:
    """Bounds the requests that run at once and those that wait."""

    def __init__(self, limits: Limits, workers: WorkerPool) -> None:
        """Have as many places as the limits say."""
        self.limits = limits
        self.workers = workers
        self.taken = 0
        """By requests that run or wait."""
        self._counting = threading.Lock()

    @property
    def running(self) -> int:
        """Number of requests that run."""
        return min(self.taken, self.limits.max_running)

    @property
    def waiting(self) -> int:
        """Number of requests that wait."""
        return self.taken - self.running

    async def pieces(self, job: ServerJob) -> AsyncGenerator[list[Any], None]:
        """The pieces of a job as they come, several at once where there are several.

        Who stops reading has it closed before its next piece, and networks that write for it stop.

        Raises:
            ApiError: All places are taken, or it takes too long.
        """
        if self.taken >= self.limits.max_running + self.limits.max_waiting:
            raise ApiError(429, f"{self.taken} requests are being answered or wait; try again soon")
        loop = asyncio.get_running_loop()
        # The place is given back when the work ends, which may be after its reader has left.
        channel = Channel(loop, lambda: self._count(-1))
        self._count(1)
        self.workers.begin(job, channel)
        seconds = self.limits.request_seconds
        late = ApiError(504, f"no answer after {seconds:g} seconds; ask for a shorter one")
        timer = loop.call_later(seconds, channel.fail, late)
        try:
            while batch := await channel.read():
                yield batch
        finally:
            timer.cancel()
            self.workers.leave(channel)

    def _count(self, more: int) -> None:
        with self._counting:
            self.taken += more
