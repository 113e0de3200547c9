"""Dynamic batching: requests of many threads, in batches for one external engine."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from acclimate.core.errors import BackendError
from acclimate.core.runtime.cancellation import CancelledError, is_cancellable, on_cancel
from acclimate.inference.backends.interface import LoadedEngine

TokenListener = Callable[[int], bool]
"""Called with each token as it is written; whether that is enough."""


@dataclass(eq=False)
class EngineRequest:
    """A prompt for an external engine, and its answer."""

    context: list[int]
    """Token ids of the prompt."""
    budget: int
    """Tokens to write at most."""
    listener: TokenListener | None = None
    answer: list[int] = field(default_factory=list)
    num_emitted: int = 0
    """Tokens that the listener was called with."""
    failure: BaseException | None = None
    is_done: bool = False
    can_be_cancelled: bool = field(default_factory=is_cancellable)
    """Whether its caller may go away."""
    is_cancelled: bool = False
    """Whether the caller did: at its next token the engine ends it."""


class BatchQueue:
    """Requests that come while a batch is written wait; the first of them takes all as a batch."""

    def __init__(self, engine: LoadedEngine) -> None:
        self._engine = engine
        self._busy = threading.Lock()
        self._adding = threading.Lock()
        self._waiting: list[EngineRequest] = []

    def serve(self, requests: Sequence[EngineRequest]) -> list[list[int]]:
        """The answers, in order.

        Raises:
            BackendError: The engine failed.
            CancelledError: The caller went away.
        """
        with self._adding:
            self._waiting += requests
        with on_cancel(lambda: _cancel(requests)), self._busy:
            if not all(request.is_done for request in requests):
                with self._adding:
                    batch, self._waiting = self._waiting, []
                self._write_all(batch)
        if any(request.is_cancelled for request in requests):
            raise CancelledError("who asked went away before the answer was there")
        for request in requests:
            if request.failure is not None:
                raise BackendError(f"the engine failed: {request.failure}") from request.failure
        return [request.answer for request in requests]

    def _write_all(self, batch: list[EngineRequest]) -> None:
        """Write answers; where that is stopped, requests of other threads fail."""
        try:
            self._write([request for request in batch if not request.is_cancelled])
        finally:
            for request in batch:
                if not request.is_done:
                    request.failure, request.is_done = RuntimeError("it was stopped"), True

    def _write(self, batch: list[EngineRequest]) -> None:
        if not batch:
            return
        listens = any(request.listener or request.can_be_cancelled for request in batch)
        on_token = (lambda index, token: _emit(batch[index], token)) if listens else None
        contexts, budgets = [r.context for r in batch], [r.budget for r in batch]
        try:
            answers = self._engine.write(contexts, budgets, on_token)
            if len(answers) != len(batch):
                raise RuntimeError(f"{len(answers)} answers to {len(batch)} prompts")
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 engines raise what they like, Rust panics
            self._fail(batch, error)
            return
        for request, answer in zip(batch, answers, strict=True):
            request.answer, request.is_done = answer, True

    def _fail(self, batch: list[EngineRequest], error: BaseException) -> None:
        """Try requests one by one: a bad one must not fail the others, unless they had begun."""
        for request in batch:
            if len(batch) > 1 and not request.num_emitted:
                self._write([request])
            else:
                request.failure, request.is_done = error, True


def _emit(request: EngineRequest, token: int) -> bool:
    if request.listener is None:
        return request.is_cancelled
    request.num_emitted += 1
    return request.listener(token) or request.is_cancelled


def _cancel(requests: Sequence[EngineRequest]) -> None:
    for request in requests:
        request.is_cancelled = True
