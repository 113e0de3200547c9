"""Where requests are taken to: systems, places to work, and who waits."""

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TypeVar

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from acclimate.core.errors import UnknownNameError
from acclimate.core.model import Completion, Model
from acclimate.server.chat_reply import ChatReply
from acclimate.server.chunks import Chunks
from acclimate.server.completion_reply import CompletionReply
from acclimate.server.jobs import Job, Made
from acclimate.server.limits import Limits
from acclimate.server.metrics import Metrics
from acclimate.server.places import Places
from acclimate.server.refusal import RefusedError
from acclimate.server.replies import events
from acclimate.server.schemas import Asked

T = TypeVar("T")
CLIENT_GONE = 499
"""What is noted of a request whose client did not wait."""


@dataclass
class Desk:
    """All that routes share."""

    systems: Mapping[str, Model]
    """What is served, by name."""
    limits: Limits
    places: Places
    metrics: Metrics
    created: int = field(default_factory=lambda: int(time.time()))
    """Since when, seconds of the epoch."""
    is_draining: bool = False
    """Whether the server is on its way out and takes nothing new."""

    @classmethod
    def of(cls, systems: Mapping[str, Model], limits: Limits) -> "Desk":
        """A desk for these systems."""
        places = Places(limits)
        return cls(systems, limits, places, Metrics(places))

    def model(self, name: str) -> Model:
        """The system of that name.

        Raises:
            RefusedError: There is none, or none is served any more.
        """
        if self.is_draining:
            raise RefusedError(503, "the server is shutting down; ask another, or again later")
        if name not in self.systems:
            unknown = UnknownNameError("model", name, self.systems)
            raise RefusedError(404, str(unknown), code="model_not_found", param="model")
        return self.systems[name]

    async def once(self, request: Request, work: Callable[[], T]) -> T:
        """What a function gives, run in a thread."""
        async with aclosing(self.places.pieces(lambda: [work()])) as made:
            (found,) = await while_there(request, anext(made))
            return found

    async def answer(
        self, request: Request, asked: Asked, job: Job, kind: type[ChatReply | CompletionReply]
    ) -> Response:
        """Have a job done, and answer with it, at once or as it is done."""
        reply = kind(
            id=f"{'chatcmpl' if kind is ChatReply else 'cmpl'}-{secrets.token_hex(12)}",
            created=int(time.time()),
            model=asked.model,
            num_each=job.num_each,
            has_logprobs=job.has_logprobs,
        )
        made = self.metrics.measured(self.places.pieces(job.work))
        if not asked.stream:
            answers = await while_there(request, _collected(made))
            return JSONResponse(reply.whole(answers))
        # A fault before the first piece is told by the status; after it, by an event.
        first = await while_there(request, anext(made))
        options = asked.stream_options
        chunks = Chunks(reply, has_usage=bool(options and options.include_usage))
        return events(chunks.of(_after(first, made)))


async def while_there(request: Request, work: Awaitable[T]) -> T:
    """The outcome of some work, given up when the client goes away.

    Raises:
        RefusedError: It went.
    """
    doing, gone = asyncio.ensure_future(work), asyncio.ensure_future(_leaving(request))
    try:
        await asyncio.wait({doing, gone}, return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            return doing.result()
        raise RefusedError(CLIENT_GONE, "the client went away")
    finally:
        doing.cancel()
        gone.cancel()


async def _leaving(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _collected(made: AsyncGenerator[list[Made], None]) -> list[Completion]:
    return [piece async for together in made for piece in together if isinstance(piece, Completion)]


async def _after(
    first: list[Made], rest: AsyncGenerator[list[Made], None]
) -> AsyncGenerator[list[Made], None]:
    async with aclosing(rest) as open_rest:
        yield first
        async for together in open_rest:
            yield together
