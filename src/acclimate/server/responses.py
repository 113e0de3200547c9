"""Send an error, and what a server sends as events, from anywhere in it."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from acclimate.server.api_errors import ApiError, ErrorReply, refusal

_RETRY_SECONDS = 1
"""What a client that was refused for now is told to wait."""
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"description": told, "model": ErrorReply}
    for status, told in {
        400: "The body cannot be read.",
        401: "No key, or a wrong one.",
        404: "No such model.",
        408: "The body came too slowly.",
        413: "The body is too long.",
        422: "A field is wrong, or more is asked than the limits allow.",
        429: "Too many requests.",
        500: "The server failed on this one.",
        503: "The server is shutting down.",
        504: "It took too long.",
    }.items()
}
"""For the OpenAPI document: what routes may answer instead."""
DONE = b"data: [DONE]\n\n"


def response(refused: ApiError, *, is_last: bool = False) -> Response:
    """An error as an answer.

    Args:
        refused: What to say.
        is_last: Whether the connection is of no more use.
    """
    headers = {"connection": "close"} if is_last else {}
    if refused.status in {429, 503}:
        headers["retry-after"] = str(_RETRY_SECONDS)
    if refused.status == 401:
        headers["www-authenticate"] = "Bearer"
    return Response(refused.encoded, refused.status, headers=headers, media_type="application/json")


async def respond(
    refused: ApiError, scope: Scope, receive: Receive, send: Send, *, is_last: bool = False
) -> None:
    """Answer with an error where there is no route yet."""
    await response(refused, is_last=is_last)(scope, receive, send)


def events(chunks: AsyncGenerator[dict[str, Any], None]) -> Response:
    """Chunks as server-sent events; an error on the way is the last of them."""
    return _Events(
        _encoded(chunks), media_type="text/event-stream", headers={"cache-control": "no-store"}
    )


class _Events(StreamingResponse):
    """Sent until the client goes away, without the library's task groups, which take longer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send all, and listen whether anybody is there."""
        sending = asyncio.ensure_future(self.stream_response(send))
        gone = asyncio.ensure_future(self.listen_for_disconnect(receive))
        try:
            await asyncio.wait({sending, gone}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
        finally:
            sending.cancel()
            gone.cancel()


async def _encoded(chunks: AsyncGenerator[dict[str, Any], None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(chunks) as open_chunks:
        try:
            async for chunk in open_chunks:
                yield b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n"
            yield DONE
        except Exception as error:  # noqa: BLE001  (the status is sent: an event must tell)
            yield b"data: " + refusal(error).encoded + b"\n\n"
