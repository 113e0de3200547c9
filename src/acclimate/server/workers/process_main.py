"""A process that loads the systems and does the jobs that the server sends."""

import threading
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from acclimate.core.errors import AcclimateError, ConfigError
from acclimate.core.model import Model, NeuralModel
from acclimate.core.runtime.cancellation import CancelToken
from acclimate.server.api_errors import refusal
from acclimate.server.workers.messages import (
    Chunk,
    Done,
    Load,
    Loaded,
    NotLoaded,
    ProcessShare,
    RunJob,
    Shutdown,
)
from acclimate.server.workers.process_setup import (
    give_memory_back,
    keep_to,
    keep_what_is_there,
    pass_over,
    processors,
)
from acclimate.server.workers.thread_pool import ThreadPool, parts


def work(connection: Connection, load: Load) -> None:
    """Load systems, then run jobs until told to stop or the server is gone."""
    # The server finishes what was begun: it alone says when this process is to end.
    pass_over()
    give_memory_back()
    with suppress(EOFError, OSError):  # nobody is there any more
        try:
            loaded = load()
        except (AcclimateError, OSError) as error:
            is_asked_wrong = getattr(error, "exit_code", None) == ConfigError.exit_code
            connection.send(NotLoaded(str(error), is_asked_wrong))
            return
        num = num_side_by_side(loaded.systems)
        connection.send(Loaded(tuple(loaded.systems), loaded.report, loaded.tasks, num))
        message = connection.recv()
        if isinstance(message, ProcessShare):
            if message.processor is not None:
                keep_to(message.processor)
            threads = ThreadPool(loaded.systems, message.limits)
            keep_what_is_there()
            _Doing(connection, threads).go_on()


class _Doing:
    """Jobs by their numbers."""

    def __init__(self, connection: Connection, threads: ThreadPool) -> None:
        self._connection = connection
        self._threads = threads
        self._sending = threading.Lock()
        self._sinks: dict[int, _Outlet] = {}

    def go_on(self) -> None:
        """Run jobs until told to stop, or the connection is closed."""
        try:
            while not isinstance(message := self._connection.recv(), Shutdown):
                if isinstance(message, RunJob):
                    self._sinks[message.number] = _Outlet(self, message.number)
                    self._threads.begin(message.job, self._sinks[message.number])
                elif (sink := self._sinks.get(message.number)) is not None:
                    self._threads.leave(sink)
        finally:
            for sink in list(self._sinks.values()):
                self._threads.leave(sink)
            self._threads.close()

    def send(self, message: Chunk | Done) -> None:
        """Send a message to the server, if it is still there."""
        if isinstance(message, Done):
            self._sinks.pop(message.number, None)
        with self._sending, suppress(OSError):
            self._connection.send(message)


class _Outlet:
    """A sink at the other end of the connection."""

    def __init__(self, doing: _Doing, number: int) -> None:
        self.waiter = CancelToken()
        self._doing = doing
        self._number = number

    def put(self, piece: Any) -> None:
        """Send one."""
        self._doing.send(Chunk(self._number, piece))

    def end(self, fault: Exception | None = None) -> None:
        """Say that there are no more; a fault is told as a client is told it."""
        self._doing.send(Done(self._number, refusal(fault) if fault else None))


def num_side_by_side(systems: Mapping[str, Model]) -> int:
    """Number of processes that may answer from these systems side by side.

    Networks that run on one thread leave the other processors idle; all others use them all.
    """
    leaves = [part for part in parts(systems) if not part.children]
    if all(isinstance(part, NeuralModel) and _is_small(part.network) for part in leaves):
        return len(processors())
    return 1


def _is_small(network: Any) -> bool:
    from acclimate.nn.threads import SMALL_PARAMS

    return bool(network.device.type == "cpu" and network.num_parameters() < SMALL_PARAMS)
