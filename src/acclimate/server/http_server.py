"""Run the application: bound connections, and stop when what was begun is done."""

import asyncio
import logging
import signal
from http import HTTPStatus
from types import FrameType
from typing import Any

import h11
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from acclimate.server.api_errors import ApiError
from acclimate.server.request_service import RequestService

BACKLOG = 1024


class Server(uvicorn.Server):
    """Finishes what was begun when it is told to stop; told twice, it stops at once."""

    def __init__(self, app: FastAPI, *, host: str, port: int) -> None:
        """Serve an application of `build_app`, within its own limits."""
        service: RequestService = app.state.service
        self.service = service
        super().__init__(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                http=type(
                    "Protocol", (ImpatientProtocol,), {"head_seconds": service.limits.body_seconds}
                ),
                ws="none",
                log_level="warning",
                access_log=False,
                backlog=BACKLOG,
                server_header=False,
                timeout_graceful_shutdown=int(service.limits.request_seconds) + 1,
            )
        )

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take nothing new; a second signal, of whatever kind, does not wait."""
        if self.should_exit:
            sig = signal.SIGINT
            # What is cut off now has not failed.
            logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        self.service.is_draining = True
        super().handle_exit(sig, frame)


class ImpatientProtocol(H11Protocol):
    """HTTP/1.1 that closes connections which send a head byte by byte, or nothing at all."""

    head_seconds = 20.0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Stop waiting once a head is whole."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        super().connection_lost(exc)
        self._stop()

    def send_400_response(self, _msg: str) -> None:
        """Tell of bytes that are no HTTP as of all else."""
        self.transport.write(_refused(400, "these bytes are no HTTP request; send HTTP/1.1"))
        self.transport.close()

    def _watch(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            self._stop()
        elif self._timer is None:
            self._timer = self.loop.call_later(self.head_seconds, self._give_up)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        self._timer = None
        if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
            reason = f"no request came within {self.head_seconds:g} seconds"
            self.transport.write(_refused(408, reason))
            self.transport.close()


def _refused(status: int, reason: str) -> bytes:
    """A whole answer, for who sent no request."""
    body = ApiError(status, reason).encoded
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body
