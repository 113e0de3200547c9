"""Requests of many threads, gathered into batches for one engine."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from acclimate.core.errors import BackendError
from acclimate.core.runtime.cancellation import CancelledError, is_cancellable, on_cancel
from acclimate.inference.backends.interface import LoadedEngine

TokenListener = Callable[[int], bool]
"""Told each token as it is written; whether that is enough."""


@dataclass(eq=False)
class EngineRequest:
    """An answer that is wanted."""

    context: list[int]
    budget: int
    listener: TokenListener | None = None
    answer: list[int] = field(default_factory=list)
    num_emitted: int = 0
    """Tokens that the listener was told."""
    failure: BaseException | None = None
    is_done: bool = False
    may_leave: bool = field(default_factory=is_cancellable)
    """Whether it is for somebody who may go away."""
    is_left: bool = False
    """Whether they did: at its next token the engine ends it."""


class BatchQueue:
    """While a batch is written others wait, and whoever comes first then takes all with them."""

    def __init__(self, opened: LoadedEngine) -> None:
        self._opened = opened
        self._busy = threading.Lock()
        self._adding = threading.Lock()
        self._waiting: list[EngineRequest] = []

    def serve(self, requests: Sequence[EngineRequest]) -> list[list[int]]:
        """The answers, in order.

        Raises:
            BackendError: The engine failed.
            LeftError: Who asked went away.
        """
        with self._adding:
            self._waiting += requests
        with on_cancel(lambda: _leave(requests)), self._busy:
            if not all(request.is_done for request in requests):
                with self._adding:
                    batch, self._waiting = self._waiting, []
                self._write_all(batch)
        if any(request.is_left for request in requests):
            raise CancelledError("who asked went away before the answer was there")
        for request in requests:
            if request.failure is not None:
                raise BackendError(f"the engine failed: {request.failure}") from request.failure
        return [request.answer for request in requests]

    def _write_all(self, batch: list[EngineRequest]) -> None:
        """Write answers, or say that there are none to whoever waits in other threads."""
        try:
            self._write([request for request in batch if not request.is_left])
        finally:
            for request in batch:
                if not request.is_done:
                    request.failure, request.is_done = RuntimeError("it was stopped"), True

    def _write(self, batch: list[EngineRequest]) -> None:
        if not batch:
            return
        listens = any(request.listener or request.may_leave for request in batch)
        hear = (lambda place, token: _heard(batch[place], token)) if listens else None
        contexts, budgets = [r.context for r in batch], [r.budget for r in batch]
        try:
            answers = self._opened.write(contexts, budgets, hear)
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
        """One bad request must not cost the others their answers, unless those were begun."""
        for request in batch:
            if len(batch) > 1 and not request.num_emitted:
                self._write([request])
            else:
                request.failure, request.is_done = error, True


def _heard(request: EngineRequest, token: int) -> bool:
    if request.listener is None:
        return request.is_left
    request.num_emitted += 1
    return request.listener(token) or request.is_left


def _leave(requests: Sequence[EngineRequest]) -> None:
    for request in requests:
        request.is_left = True
