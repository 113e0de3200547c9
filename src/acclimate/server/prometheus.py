"""What the server counts, for Prometheus."""

import os
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from acclimate.core.model import Completion
from acclimate.core.runtime.cost import resident_bytes
from acclimate.server.openai.responses import AnswerPiece
from acclimate.server.workers.admission import AdmissionQueue

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class Metrics:
    """Counters of one server, in a registry of its own."""

    def __init__(self, admission: AdmissionQueue) -> None:
        """Count from nothing; how busy it is, `admission` tells when asked."""
        self.registry = registry = CollectorRegistry()
        self.requests = Counter(
            "acclimate_requests", "Requests answered.", ["path", "status"], registry=registry
        )
        self.tokens = Counter(
            "acclimate_tokens", "Tokens read, read from a cache, and written.", ["kind"],
            registry=registry,
        )  # fmt: skip
        self.first = Histogram(
            "acclimate_first_token_seconds", "From asked to the first piece of an answer.",
            buckets=SECONDS, registry=registry,
        )  # fmt: skip
        self.whole = Histogram(
            "acclimate_answer_seconds", "From asked to the end of all answers.",
            buckets=SECONDS, registry=registry,
        )  # fmt: skip
        running = Gauge("acclimate_running", "Requests that are worked on.", registry=registry)
        running.set_function(lambda: admission.running)
        waiting = Gauge("acclimate_waiting", "Requests that wait.", registry=registry)
        waiting.set_function(lambda: admission.waiting)
        ready = Gauge("acclimate_processes_ready", "Processes that answer.", registry=registry)
        ready.set_function(lambda: admission.workers.num_ready)
        loading = Gauge(
            "acclimate_processes_loading", "Processes that load their systems.", registry=registry
        )
        loading.set_function(lambda: admission.workers.num_loading)
        memory = Gauge(
            "acclimate_resident_bytes", "Memory of the server's processes.", registry=registry
        )
        memory.set_function(
            lambda: sum(resident_bytes(process_id) or 0 for process_id in _processes(admission))
        )

    async def measured(
        self, made: AsyncGenerator[list[AnswerPiece], None]
    ) -> AsyncGenerator[list[AnswerPiece], None]:
        """The same, timed and its tokens counted."""
        begun = time.perf_counter()
        is_first = True
        async with aclosing(made) as open_made:
            async for together in open_made:
                if is_first:
                    self.first.observe(time.perf_counter() - begun)
                    is_first = False
                for piece in together:
                    if isinstance(piece, Completion):
                        self._count(piece)
                yield together
        self.whole.observe(time.perf_counter() - begun)

    def _count(self, answer: Completion) -> None:
        self.tokens.labels("read").inc(answer.num_prompt_tokens)
        self.tokens.labels("cached").inc(answer.num_cached_tokens)
        self.tokens.labels("written").inc(answer.num_new_tokens)

    def exposed(self) -> bytes:
        """In Prometheus' text format."""
        return generate_latest(self.registry)


def _processes(admission: AdmissionQueue) -> list[int]:
    return [os.getpid(), *admission.workers.process_ids]


class Counting:
    """Counts every answer by its route and status."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        """Stand before an application."""
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and look at what is sent."""

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                # Paths that are no routes are told as one: anybody can make them up.
                path = getattr(scope.get("route"), "path", "none")
                self.metrics.requests.labels(path, str(message["status"])).inc()
            await send(message)

        await self.app(scope, receive, counted if scope["type"] == "http" else send)
