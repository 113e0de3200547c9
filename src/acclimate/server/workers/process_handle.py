"""A process that answers, as the server sees it: told jobs, heard pieces of."""

import signal
import threading
from contextlib import suppress
from itertools import count
from multiprocessing import get_context
from queue import SimpleQueue

from acclimate.core.errors import BackendError, ConfigError
from acclimate.server.api_errors import ApiError
from acclimate.server.jobs import ServerJob
from acclimate.server.workers.messages import (
    CancelJob,
    Chunk,
    Done,
    Load,
    Loaded,
    NotLoaded,
    ProcessShare,
    RunJob,
    Shutdown,
)
from acclimate.server.workers.process_main import work
from acclimate.server.workers.process_setup import held_back
from acclimate.server.workers.stream_channel import Sink

STOP_SECONDS = 5.0
"""Time that a process has to end when it is told to; what it does may not be stoppable."""


class WorkerProcess:
    """One worker process and the connection to it."""

    def __init__(self, load: Load) -> None:
        """Start it; it loads its systems."""
        # A fork would have the locks of this process's threads, and none of the threads.
        context = get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=work, args=(theirs, load), name="answering")
        with held_back():
            self._process.start()
        theirs.close()
        self._untold: SimpleQueue[ProcessShare | RunJob | CancelJob | Shutdown | None] = (
            SimpleQueue()
        )
        self._sinks: dict[int, Sink] = {}
        self._numbers = count()
        self._may_do = False
        self._is_over = False

    @property
    def process_id(self) -> int:
        """Its id in the operating system."""
        return self._process.pid or 0

    @property
    def num_doing(self) -> int:
        """Number of jobs that it runs or keeps waiting."""
        return len(self._sinks)

    @property
    def end(self) -> str:
        """How it ended."""
        self._end_within(STOP_SECONDS)
        code = self._process.exitcode or 0
        if code >= 0:
            return f"exit code {code}"
        # Not every signal has a name.
        names = {one.value: one.name for one in signal.Signals}
        return f"killed by {names.get(-code, f'signal {-code}')}"

    def loaded(self) -> Loaded:
        """Wait for what it has loaded.

        Raises:
            ConfigError: There is nothing to load as it was asked for.
            BackendError: Loading failed.
        """
        try:
            reply: Loaded | NotLoaded = self._connection.recv()
        except (EOFError, OSError):
            raise BackendError(
                f"the process that loads the systems broke down ({self.end}); what it wrote tells "
                "more, and out of memory is the usual cause"
            ) from None
        if isinstance(reply, NotLoaded):
            raise (ConfigError if reply.is_asked_wrong else BackendError)(reply.said)
        return reply

    def go_on(self, share: ProcessShare) -> None:
        """Let it run jobs, within its share."""
        self._may_do = True
        self._untold.put(share)
        threading.Thread(target=self._tell, daemon=True).start()

    def listen(self) -> None:
        """Receive its messages until it ends; its jobs end with it."""
        try:
            while True:
                self._hear(self._connection.recv())
        except (EOFError, OSError):
            pass
        finally:
            self._is_over = True
            self._untold.put(None)
            for number in list(self._sinks):
                self._lose(number)

    def begin(self, job: ServerJob, sink: Sink) -> None:
        """Send it a job."""
        number = next(self._numbers)
        self._sinks[number] = sink
        self._untold.put(RunJob(number, job))
        if self._is_over:  # who listens may not have seen this one
            self._lose(number)

    def leave(self, sink: Sink) -> None:
        """Cancel a job, if it is this one's."""
        for number, known_sink in list(self._sinks.items()):
            if known_sink is sink:
                self._untold.put(CancelJob(number))

    def stop(self) -> None:
        """Stop it; it is killed where it does not end, or is still loading."""
        self._untold.put(Shutdown())
        self._end_within(STOP_SECONDS if self._may_do else 0)

    def _end_within(self, seconds: float) -> None:
        self._process.join(seconds)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def _hear(self, message: Chunk | Done) -> None:
        if isinstance(message, Chunk):
            self._sinks[message.number].put(message.piece)
        elif sink := self._sinks.pop(message.number, None):
            sink.end(message.fault)

    def _lose(self, number: int) -> None:
        """End a job whose process is gone, unless that was done already."""
        if sink := self._sinks.pop(number, None):
            sink.end(
                ApiError(
                    500, "the process that answered broke down; another takes over, ask it again"
                )
            )

    def _tell(self) -> None:
        """Say what there is to say, until it ends; who has it said waits for no slow listener."""
        with suppress(OSError):
            while (message := self._untold.get()) is not None:
                self._connection.send(message)
