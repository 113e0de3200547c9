"""Answers requests that call this server by its own names only."""

from collections.abc import Sequence

from starlette.types import ASGIApp, Receive, Scope, Send

from acclimate.server.api_errors import ApiError
from acclimate.server.responses import respond

OWN_NAMES = ("localhost", "127.0.0.1", "[::1]")
"""Of this machine, as they stand in a request's head."""


class HostGuard:
    """Refuses a page of somebody else's, whose name was made to mean this machine."""

    def __init__(self, app: ASGIApp, names: Sequence[str]) -> None:
        """Stand before an application that is also called by these names."""
        self.app = app
        self.names = {name.lower(): name for name in (*OWN_NAMES, *names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse with 400, or pass on."""
        called = dict(scope.get("headers", ())).get(b"host", b"").decode("latin-1")
        if scope["type"] != "http" or _without_port(called).lower() in self.names:
            await self.app(scope, receive, send)
            return
        names = ", ".join(self.names.values())
        refused = ApiError(
            400,
            f"host='{called[:80]}': without an API key the server answers only to {names}; ask it "
            "by one of these, or start it with --api-key",
            code="unknown_host",
        )
        await respond(refused, scope, receive, send)


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host
