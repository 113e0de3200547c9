"""API keys: only their hashes are held, and compared in constant time."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

from acclimate.core.errors import ConfigError
from acclimate.server.api_errors import ApiError
from acclimate.server.responses import respond

_PREFIX = "sha256"
MIN_LENGTH = 16
"""Characters of a key; a shorter one can be guessed."""
OPEN_PATHS = frozenset({"/", "/health", "/ready", "/docs", "/openapi.json", "/favicon.ico"})
"""What anybody may ask for: nothing of it is the owner's."""
OPEN_FOLDERS = ("/page/",)
"""Paths below these are open too: what the web page is made of."""


def hashed(key: str, salt: str) -> str:
    """A key as it may be written down: `sha256:SALT:DIGEST`."""
    return f"{_PREFIX}:{salt}:{hashlib.sha256((salt + key).encode()).hexdigest()}"


@dataclass(frozen=True)
class Keys:
    """Salted hashes of the keys that open the server."""

    kept: tuple[str, ...] = ()

    @classmethod
    def of(cls, given: Sequence[str]) -> "Keys":
        """From keys, or from their hashes as `hashed` writes them.

        Raises:
            ConfigError: A key is too short, or a hash is not one.
        """
        return cls(tuple(map(_kept, given)))

    def __bool__(self) -> bool:
        return bool(self.kept)

    def open(self, key: str) -> bool:
        """Whether a key is one of them; takes equally long for every wrong one."""
        # A key may hold any characters; what cannot be encoded is no key.
        key = key.encode("utf-8", "replace").decode()
        matches = [
            hmac.compare_digest(hashed(key, hashed_key.split(":")[1]), hashed_key)
            for hashed_key in self.kept
        ]
        return any(matches)


def _kept(given: str) -> str:
    parts = given.split(":")
    if parts[0] == _PREFIX and len(parts) > 1:
        is_hash = (
            len(parts) == 3 and len(parts[2]) == 64 and set(parts[2]) <= set("0123456789abcdef")
        ) and given.isascii()
        if not is_hash:
            raise ConfigError(
                "api key: a hash is written sha256:SALT:DIGEST, the salt in ASCII, the digest in "
                "64 hexadecimal digits"
            )
        return given
    if len(given) < MIN_LENGTH:
        raise ConfigError(
            f"api key: {len(given)} characters, must be at least {MIN_LENGTH}; a good one is made "
            'by python -c "import secrets; print(secrets.token_urlsafe(32))"'
        )
    return hashed(given, secrets.token_hex(16))


class KeyGuard:
    """Lets in who brings a key, before a byte of the body is read."""

    def __init__(self, app: ASGIApp, keys: Keys) -> None:
        """Stand before an application; with no keys, everybody may enter."""
        self.app = app
        self.keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse with 401, or pass on."""
        if scope["type"] != "http" or not self.keys or _is_open(scope["path"]):
            await self.app(scope, receive, send)
            return
        sent = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
        scheme, _, key = sent.partition(" ")
        if scheme.lower() == "bearer" and self.keys.open(key.strip()):
            await self.app(scope, receive, send)
            return
        reason = "no API key was given" if not sent else "the API key is not one of this server's"
        refused = ApiError(
            401, f"{reason}; send the header 'Authorization: Bearer KEY'", code="invalid_api_key"
        )
        await respond(refused, scope, receive, send)


def _is_open(path: str) -> bool:
    return path in OPEN_PATHS or path.startswith(OPEN_FOLDERS)
