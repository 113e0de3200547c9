"""Read a request's body within bounds of bytes, time, depth and encoding."""

import asyncio
import json
import re
from contextlib import suppress
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from acclimate.server.api_errors import ApiError
from acclimate.server.limits import Limits
from acclimate.server.responses import respond

_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_METHODS = {"POST", "PUT", "PATCH", "DELETE"}


class BodyGuard:
    """Hands an application whole bodies only; what cannot be one is refused before it is parsed."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        """Stand before an application."""
        self.app = app
        self.limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body, or refuse it."""
        if scope["type"] != "http" or scope["method"] not in _METHODS:
            await self.app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self.limits.body_seconds):
                body = await self._read(scope, receive)
            check(body, self.limits)
        except TimeoutError:
            refused = ApiError(
                408, f"the body was not there after {self.limits.body_seconds:g} seconds"
            )
            await respond(refused, scope, receive, send, is_last=True)
        except ApiError as error:
            await respond(error, scope, receive, send, is_last=error.status == 413)
        except ConnectionResetError:
            return  # nobody is there to be told
        else:
            await self.app(scope, _again(body, receive), send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes:
        limit = self.limits.max_body_bytes
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        read = bytearray()
        is_more = True
        while is_more:
            if len(read) > limit or (declared.isdigit() and int(declared[:20]) > limit):
                raise ApiError(
                    413, f"the body is longer than {limit} bytes; send less, or several requests"
                )
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ConnectionResetError
            read += message.get("body", b"")
            is_more = message.get("more_body", False)
        return bytes(read)


def check(body: bytes, limits: Limits) -> None:
    """Refuse what is no text, or is nested so deep that reading it is a risk.

    Raises:
        ApiError: It is.
    """
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise ApiError(
            400, f"the body is not UTF-8 text: byte {error.start + 1} is not; encode it as UTF-8"
        ) from None
    if b"\\ud" in body.lower():
        _check_pairs(body)
    depth = 0
    for bracket in re.findall(rb"[\[\]{}]", _TEXT.sub(b"", body)):
        depth += 1 if bracket in b"[{" else -1
        if depth > limits.max_depth:
            raise ApiError(
                422, f"the body is nested deeper than {limits.max_depth} levels; flatten it"
            )


def _check_pairs(body: bytes) -> None:
    """Refuse half of a character that JSON writes as two escapes: it is no text."""
    with suppress(ValueError, RecursionError):  # told where it is parsed
        try:
            json.dumps(json.loads(body), ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise ApiError(400, "the body has half of a surrogate pair as a character") from None


def _again(body: bytes, receive: Receive) -> Receive:
    """The body in one piece, and after it whatever comes."""
    first: list[dict[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]

    async def read() -> Message:
        return first.pop() if first else await receive()

    return read
