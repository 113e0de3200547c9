"""Errors as clients of OpenAI's API know them: a status and an `error` object."""

import logging
from functools import partial
from typing import Any

from acclimate.core.errors import (
    AcclimateError,
    BackendError,
    ConfigError,
    DataError,
    MissingExtraError,
    NotApplicableError,
)
from acclimate.core.record import Record

_KINDS = {
    401: "authentication_error",
    404: "not_found_error",
    408: "timeout_error",
    429: "rate_limit_error",
    500: "server_error",
    503: "server_error",
    504: "timeout_error",
}
"""Status → OpenAI's word for it; any other is an `invalid_request_error`."""

_TOLD = (ConfigError, DataError, NotApplicableError)
_log = logging.getLogger("acclimate.server")


class Fault(Record):
    """What is wrong."""

    message: str
    """One sentence."""
    type: str
    """OpenAI's word for the kind."""
    param: str | None
    """The field that is wrong."""
    code: str | None
    """A word for programs."""


class ErrorReply(Record):
    """The body of an error."""

    error: Fault
    """What is wrong."""


class ApiError(Exception):
    """A request that is not answered, and the sentence that says why."""

    def __init__(self, status: int, message: str, *, code: str = "", param: str = "") -> None:
        """Say it.

        Args:
            status: Of HTTP, 400 and up.
            message: One sentence.
            code: A word for programs.
            param: The field that is wrong.
        """
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param

    def __reduce__(self) -> tuple[Any, ...]:
        """From one process to another."""
        return partial(ApiError, code=self.code, param=self.param), (self.status, str(self))

    @property
    def encoded(self) -> bytes:
        """The body as JSON, in OpenAI's shape."""
        fault = Fault(
            message=str(self),
            type=_KINDS.get(self.status, "invalid_request_error"),
            param=self.param or None,
            code=self.code or None,
        )
        return ErrorReply(error=fault).model_dump_json().encode()


def refusal(error: BaseException) -> ApiError:
    """What a client is told of an error; of one that is nobody's fault but ours, where to look."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, _TOLD):
        return ApiError(422, str(error))
    if isinstance(error, AcclimateError):
        status = 501 if isinstance(error, MissingExtraError) else 500
        if isinstance(error, BackendError):
            _log.error("%s", error)
        return ApiError(status, str(error))
    _log.error("a request failed", exc_info=error)
    kind = type(error).__name__
    return ApiError(
        500, f"the server failed on this request ({kind}); its log tells more, the others go on"
    )
