"""Takes jobs from the routes, admits them, and answers with what workers make."""

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, TypeVar

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from acclimate.core.errors import UnknownNameError
from acclimate.core.model import Completion
from acclimate.server.api_errors import ApiError
from acclimate.server.jobs import ChatJob, CompletionJob, ServerJob
from acclimate.server.limits import Limits
from acclimate.server.openai.responses import AnswerPiece, ChatReply, CompletionReply
from acclimate.server.openai.streaming import Chunks
from acclimate.server.prometheus import Metrics
from acclimate.server.responses import events
from acclimate.server.workers.admission import AdmissionQueue, WorkerPool

T = TypeVar("T")
CLIENT_GONE = 499
"""What is noted of a request whose client did not wait."""


@dataclass
class RequestService:
    """Takes jobs from the routes, admits them, and answers with what workers make."""

    workers: WorkerPool
    """Who has the systems, and does the work."""
    limits: Limits
    admission: AdmissionQueue
    metrics: Metrics
    created: int = field(default_factory=lambda: int(time.time()))
    """Since when, seconds of the epoch."""
    is_draining: bool = False
    """Whether the server is on its way out and takes nothing new."""

    @classmethod
    def of(cls, workers: WorkerPool, limits: Limits) -> "RequestService":
        """A service before these workers."""
        admission = AdmissionQueue(limits, workers)
        return cls(workers, limits, admission, Metrics(admission))

    def check_model(self, *names: str) -> None:
        """Refuse models that are not served.

        Raises:
            ApiError: There is no system of such a name, or none is served any more.
        """
        if self.is_draining:
            raise ApiError(503, "the server is shutting down; ask another, or again later")
        for name in names:
            if name not in self.workers.names:
                unknown = UnknownNameError("model", name, self.workers.names)
                raise ApiError(404, str(unknown), code="model_not_found", param="model")

    async def run(self, request: Request, job: ServerJob) -> Any:
        """Run a job that has one result."""
        async with aclosing(self.admission.pieces(job)) as made:
            (result,) = await while_there(request, anext(made))
            return result

    async def respond(self, request: Request, job: ChatJob | CompletionJob) -> Response:
        """Run a job and respond with its answers, whole or streamed."""
        body, is_chat = job.asked, isinstance(job, ChatJob)
        reply = (ChatReply if is_chat else CompletionReply)(
            id=f"{'chatcmpl' if is_chat else 'cmpl'}-{secrets.token_hex(12)}",
            created=int(time.time()),
            model=body.model,
            num_each=job.num_each,
            has_logprobs=job.sampling.logprobs is not None,
        )
        made = self.metrics.measured(self.admission.pieces(job))
        if not body.stream:
            answers = await while_there(request, _collected(made))
            return JSONResponse(reply.whole(answers))
        # A fault before the first piece is told by the status; after it, by an event.
        first = await while_there(request, anext(made))
        options = body.stream_options
        chunks = Chunks(reply, has_usage=bool(options and options.include_usage))
        return events(chunks.of(_after(first, made)))


async def while_there(request: Request, work: Awaitable[T]) -> T:
    """Await some work, cancelled when the client disconnects.

    Raises:
        ApiError: It went.
    """
    doing, gone = asyncio.ensure_future(work), asyncio.ensure_future(_leaving(request))
    try:
        await asyncio.wait({doing, gone}, return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            return doing.result()
        raise ApiError(CLIENT_GONE, "the client went away")
    finally:
        doing.cancel()
        gone.cancel()


async def _leaving(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _collected(made: AsyncGenerator[list[AnswerPiece], None]) -> list[Completion]:
    return [piece async for together in made for piece in together if isinstance(piece, Completion)]


async def _after(
    first: list[AnswerPiece], rest: AsyncGenerator[list[AnswerPiece], None]
) -> AsyncGenerator[list[AnswerPiece], None]:
    async with aclosing(rest) as open_rest:
        yield first
        async for together in open_rest:
            yield together
