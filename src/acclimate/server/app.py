"""The application: routes, and what stands before them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from acclimate import __version__
from acclimate.core.model import Model
from acclimate.server.api_keys import KeyGuard, Keys
from acclimate.server.body_guard import BodyGuard
from acclimate.server.error_handlers import answer_faults
from acclimate.server.feedback.routes import feedback_router
from acclimate.server.feedback.store import FeedbackStore
from acclimate.server.health_routes import health_router
from acclimate.server.limits import Limits
from acclimate.server.openai_routes import openai_router
from acclimate.server.pages import page_router
from acclimate.server.prometheus import Counting
from acclimate.server.request_service import RequestService
from acclimate.server.workers.admission import WorkerPool
from acclimate.server.workers.thread_pool import ThreadPool

ABOUT = "Adapted systems behind OpenAI's API."


def build_app(
    systems: Mapping[str, Model],
    *,
    keys: Sequence[str] = (),
    limits: Limits | None = None,
    feedback: Path | None = None,
    report: Path | None = None,
    tasks: Sequence[str] = (),
) -> FastAPI:
    """An application that serves models of this process; see `app_of`.

    Args:
        systems: By the names that requests give; the first is what people are shown.
        keys: API keys or their hashes (`keys.hashed`); with none, everybody may ask.
        limits: What requests may take.
        feedback: SQLite file of what people say of answers; None: they are not asked.
        report: The HTML report of the study that the systems come from.
        tasks: Of its domain, for people to choose what a question is asked as.

    Raises:
        ConfigError: A key is too short, or the file of feedback cannot be used.
    """
    limits = limits or Limits()
    workers = ThreadPool(systems, limits)
    return app_of(workers, limits, keys=keys, feedback=feedback, report=report, tasks=tasks)


def app_of(
    workers: WorkerPool,
    limits: Limits,
    *,
    keys: Sequence[str] = (),
    feedback: Path | None = None,
    report: Path | None = None,
    tasks: Sequence[str] = (),
) -> FastAPI:
    """An application before a pool of workers; arguments as of `build_app`."""
    service = RequestService.of(workers, limits)
    app = _guarded(service, Keys.of(keys))
    app.include_router(openai_router(service))
    app.include_router(health_router(service))
    page: dict[str, Any] = {"title": next(iter(workers.names), "acclimate"), "tasks": tasks}
    app.include_router(page_router(report=report, has_feedback=feedback is not None, **page))
    if feedback is not None:
        app.include_router(feedback_router(FeedbackStore(feedback), service, tasks=tasks))
    return app


def _guarded(service: RequestService, keys: Keys) -> FastAPI:
    """An application without routes, and what stands before them."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        service.workers.close()

    about: dict[str, Any] = {"title": "acclimate", "version": __version__, "description": ABOUT}
    # The library's own viewers take their scripts from the web.
    app = FastAPI(docs_url=None, redoc_url=None, lifespan=lifespan, **about)
    app.state.service = service
    # The last one added stands outermost: what is refused is counted, and no body of it is read.
    app.add_middleware(BodyGuard, limits=service.limits)
    app.add_middleware(KeyGuard, keys=keys)
    app.add_middleware(Counting, metrics=service.metrics)
    answer_faults(app)
    return app
