"""Whatever goes wrong in a route, answered in one shape."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from acclimate.core.errors import AcclimateError
from acclimate.core.validation_messages import faults_of, path_of, sentence
from acclimate.server.api_errors import ApiError, refusal
from acclimate.server.responses import response

BETTER = {
    400: "the body cannot be read as JSON",
    405: "the path does not take this method; /docs lists what there is",
}
"""Status → a better sentence than the library's."""
NO_PATH = "there is no such path; /docs lists what there is"
_JSON = re.compile(r"application/([^;]*\+)?json\s*(;|$)", re.IGNORECASE)


def answer_faults(app: FastAPI) -> None:
    """Answer every exception of an application in OpenAI's shape."""
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    for kind in (ApiError, AcclimateError, Exception):
        app.add_exception_handler(kind, _any)


async def _invalid(request: Request, error: Exception) -> Response:
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    if faults and faults[0]["type"] == "json_invalid":
        reason = faults[0].get("ctx", {}).get("error", "malformed")
        where = faults[0]["loc"][-1]
        return response(ApiError(400, f"the body is not JSON: {reason} (character {where})"))
    return response(_wrong(request, faults))


def _wrong(request: Request, faults: Sequence[Any]) -> ApiError:
    schema = _schema(request)
    outside = [fault for fault in faults if fault["loc"][0] != "body"]
    if outside or schema is None:
        return _wrong_address(outside[0])
    # The library puts where a field was (body, query) before its name.
    faults = [{**fault, "loc": tuple(fault["loc"][1:])} for fault in faults]
    whole = [fault for fault in faults if not fault["loc"]]
    if whole:
        return _wrong_body(request.headers.get("content-type", ""), whole[0])
    error: Any = RequestValidationError(faults)
    message = sentence("request", error, schema)
    return ApiError(422, message, param=".".join(path_of(faults_of(error)[0])))


def _wrong_address(fault: Mapping[str, Any]) -> ApiError:
    """Of a part of the path or of what follows its question mark."""
    name, message = str(fault["loc"][-1]), str(fault["msg"])
    return ApiError(
        422, f"{name}={fault['input']!r:.80}: {message[:1].lower()}{message[1:]}", param=name
    )


def _wrong_body(kind: str, fault: Mapping[str, Any]) -> ApiError:
    if not _JSON.match(kind):
        problem = f"is {kind[:80]!r}" if kind else "is missing"
        return ApiError(
            422, f"the header Content-Type {problem}, must be application/json; send a JSON object"
        )
    got = "empty" if fault["type"] == "missing" else json.dumps(fault["input"])[:80]
    return ApiError(422, f"the body is {got}, must be a JSON object")


def _schema(request: Request) -> type[BaseModel] | None:
    """What the body of the route is made of."""
    body = getattr(request.scope.get("route"), "body_field", None)
    kind = getattr(getattr(body, "field_info", None), "annotation", None)
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


async def _http(_request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 500)
    message = BETTER.get(status, str(getattr(error, "detail", error)))
    message = NO_PATH if message == HTTPException(404).detail else message
    reply = response(ApiError(status, message[:1].lower() + message[1:]))
    reply.headers.update(getattr(error, "headers", None) or {})
    return reply


async def _any(_request: Request, error: Exception) -> Response:
    return response(refusal(error))
