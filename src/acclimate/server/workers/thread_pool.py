"""Jobs done by threads of this process, so many at once."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from acclimate.core.model import Model, NeuralModel
from acclimate.core.runtime.cancellation import cancellable_by
from acclimate.core.storage.saved_model import descendants
from acclimate.server.api_errors import ApiError
from acclimate.server.jobs import ServerJob
from acclimate.server.limits import Limits
from acclimate.server.workers.stream_channel import Sink


class ThreadPool:
    """Worker threads of this process."""

    num_ready = 1
    """Processes that do jobs: this one, from the beginning."""
    num_loading = 0
    """Others there are none."""
    process_ids: Sequence[int] = ()
    """Of the processes that do the work; none but this."""

    def __init__(self, systems: Mapping[str, Model], limits: Limits) -> None:
        """Have as many threads as may run."""
        if any(isinstance(part, NeuralModel) for part in parts(systems)):
            # It takes torch, which systems without a network of ours do without.
            from acclimate.inference.engine.engine import remember_prefixes

            remember_prefixes(systems.values(), limits.prefix_bytes)
        self.systems = systems
        self.limits = limits
        self._lock = threading.Lock()
        self._waiting: dict[Sink, Future[None]] = {}
        """Jobs that no thread has begun."""
        self._pool = self._threads()

    @property
    def names(self) -> tuple[str, ...]:
        """Of the systems."""
        return tuple(self.systems)

    def begin(self, job: ServerJob, sink: Sink) -> None:
        """Run a job as soon as a thread is free."""
        with self._lock:
            self._waiting[sink] = self._pool.submit(self._do, job, sink)

    def leave(self, sink: Sink) -> None:
        """Cancel a job: it is not begun, or closed before its next piece."""
        sink.waiter.cancel()
        self._forgo(sink)

    def close(self) -> None:
        """Stop the threads; what waits is not begun. Jobs may be given again."""
        for sink in list(self._waiting):
            self._forgo(sink, ApiError(503, "the server is shutting down"))
        self._pool.shutdown(wait=False)
        self._pool = self._threads()

    def _threads(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.limits.max_running, thread_name_prefix="request")

    def _forgo(self, sink: Sink, fault: Exception | None = None) -> None:
        with self._lock:
            work = self._waiting.pop(sink, None)
        if work is not None and work.cancel():
            sink.end(fault)

    def _do(self, job: ServerJob, sink: Sink) -> None:
        with self._lock:
            self._waiting.pop(sink, None)
        fill(sink, lambda: job.pieces(self.systems, self.limits))


def parts(systems: Mapping[str, Model]) -> Iterator[Model]:
    """The systems and all models inside them."""
    for system in systems.values():
        for _, part in descendants(system):
            yield part


def fill(sink: Sink, make: Callable[[], Iterable[Any]]) -> None:
    """Put pieces into a sink until they end or the job is cancelled."""
    pieces: Iterator[Any] = iter(())
    fault: Exception | None = None
    try:
        with cancellable_by(sink.waiter):
            if not sink.waiter.is_gone:
                pieces = iter(make())
            for piece in pieces:
                if sink.waiter.is_gone:
                    break
                sink.put(piece)
    except BaseException as error:  # noqa: BLE001  (who waits is told)
        fault = error if isinstance(error, Exception) else _contained(error)
    finally:
        try:
            _close(pieces)
        finally:
            sink.end(fault)


def _contained(error: BaseException) -> Exception:
    """An exit, or the panic of a library in Rust, as what ends one request and not the server."""
    contained = RuntimeError(f"{type(error).__name__}: {error}")
    contained.__cause__ = error
    return contained


def _close(pieces: Any) -> None:
    close = getattr(pieces, "close", None)
    if close is not None:
        close()
