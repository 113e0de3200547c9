"""Jobs done by other processes: HTTP and networks do not share an interpreter.

Small networks use one processor each, so there are as many processes as processors. One that
breaks down, out of memory or by a fault of a library, ends what it was doing and no more: another
is started in its place.
"""

import logging
import threading
from collections.abc import Sequence
from itertools import zip_longest

from acclimate.core.errors import AcclimateError, BackendError
from acclimate.server.api_errors import ApiError
from acclimate.server.jobs import ServerJob
from acclimate.server.limits import Limits
from acclimate.server.workers.messages import Load, ProcessShare
from acclimate.server.workers.process_handle import WorkerProcess
from acclimate.server.workers.process_setup import processors
from acclimate.server.workers.stream_channel import Sink

_log = logging.getLogger("acclimate.server")
RESTART_SECONDS = 10.0
"""From one that could not be loaded to the next: memory that was short may be there again."""


class ProcessPool:
    """Worker processes that all have the same systems."""

    def __init__(self, load: Load, limits: Limits) -> None:
        """Start one and wait for it; it tells how many may stand beside it, and they follow.

        Raises:
            ConfigError: There is nothing to load as it was asked for.
            BackendError: Loading failed.
        """
        self._load = load
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._started: list[WorkerProcess] = []
        self._ready: list[WorkerProcess] = []
        try:
            first = self._start()
            self.loaded = first.loaded()
        except BaseException:
            self.close()
            raise
        shares = _shares(limits, self.loaded.num_side_by_side)
        self._num_wanted = len(shares)
        self._admit(first, shares[0])
        for share, worker in zip_longest(shares, [first]):
            threading.Thread(target=self._keep, args=(share, worker), daemon=True).start()

    @property
    def names(self) -> tuple[str, ...]:
        """Of the systems."""
        return self.loaded.names

    @property
    def num_ready(self) -> int:
        """Number of processes that answer."""
        return len(self._ready)

    @property
    def num_loading(self) -> int:
        """Number of processes that are still loading."""
        return self._num_wanted - len(self._ready)

    @property
    def process_ids(self) -> Sequence[int]:
        """Ids of all processes that were started and not stopped."""
        return [worker.process_id for worker in list(self._started)]

    def begin(self, job: ServerJob, sink: Sink) -> None:
        """Send a job to the process with the fewest jobs."""
        worker = min(list(self._ready), key=lambda one: one.num_doing, default=None)
        if worker is None:
            sink.end(ApiError(503, "the systems are being loaded again; ask again soon"))
        else:
            worker.begin(job, sink)

    def leave(self, sink: Sink) -> None:
        """Cancel a job."""
        sink.waiter.cancel()
        for worker in list(self._ready):
            worker.leave(sink)

    def close(self) -> None:
        """Stop all processes."""
        with self._lock:
            self._closing.set()
            started = list(self._started)
        for worker in started:
            worker.stop()

    def _start(self) -> WorkerProcess:
        with self._lock:  # or one may be started that is not stopped
            if self._closing.is_set():
                raise BackendError("the server is shutting down")
            self._started.append(WorkerProcess(self._load))
            return self._started[-1]

    def _another(self, share: ProcessShare) -> WorkerProcess:
        worker = self._start()
        try:
            worker.loaded()
        except AcclimateError:
            worker.stop()
            with self._lock:
                self._started.remove(worker)
            raise
        self._admit(worker, share)
        return worker

    def _admit(self, worker: WorkerProcess, share: ProcessShare) -> None:
        worker.go_on(share)
        with self._lock:
            self._ready.append(worker)

    def _keep(self, share: ProcessShare, worker: WorkerProcess | None) -> None:
        """Have one process at work, and another whenever it breaks down."""
        while not self._closing.is_set():
            try:
                worker = worker or self._another(share)
            except (AcclimateError, OSError) as error:
                if not self._closing.is_set():
                    _log.error("no process is started in its place yet: %s", error)
                self._closing.wait(RESTART_SECONDS)
                continue
            worker.listen()
            with self._lock:
                self._ready.remove(worker)
                self._started.remove(worker)
            if not self._closing.is_set():
                _log.error("a process that answers broke down (%s)", worker.end)
            worker = None


def _shares(limits: Limits, num_side_by_side: int) -> list[ProcessShare]:
    """What each process has; where there are as many as processors, each keeps to its own."""
    num = min(limits.max_workers, limits.max_running, num_side_by_side)
    available = processors()
    parts = {
        "max_running": limits.max_running // num,
        "prefix_bytes": limits.prefix_bytes // num,
    }
    places = available if num == len(available) > 1 else [None] * num
    return [ProcessShare(limits.model_copy(update=parts), processor) for processor in places]
