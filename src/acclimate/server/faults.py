"""Whatever goes wrong in a route, answered in one shape."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from acclimate.core.complaint import sentence
from acclimate.core.errors import AcclimateError
from acclimate.server.refusal import RefusedError, refusal
from acclimate.server.replies import response

BETTER = {
    400: "the body cannot be read as JSON",
    405: "the path does not take this method; /docs lists what there is",
}
"""Status → a better sentence than the library's."""


def answer_faults(app: FastAPI) -> None:
    """Answer every exception of an application in OpenAI's shape."""
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    for kind in (RefusedError, AcclimateError, Exception):
        app.add_exception_handler(kind, _any)


async def _invalid(request: Request, error: Exception) -> Response:
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    if faults and faults[0]["type"] == "json_invalid":
        said = faults[0].get("ctx", {}).get("error", "malformed")
        where = faults[0]["loc"][-1]
        return response(RefusedError(400, f"the body is not JSON: {said} (character {where})"))
    return response(_wrong(request, faults))


def _wrong(request: Request, faults: Sequence[Any]) -> RefusedError:
    # The library puts where a field was (body, query) before its name.
    faults = [{**fault, "loc": tuple(fault["loc"][1:])} for fault in faults]
    whole = [fault["msg"] for fault in faults if not fault["loc"]]
    schema = _schema(request)
    if whole or schema is None:
        return RefusedError(422, "the body must be a JSON object, sent as application/json")
    told = sentence("request", RequestValidationError(faults), schema)  # type: ignore[arg-type]
    return RefusedError(422, told, param=".".join(map(str, faults[0]["loc"])))


def _schema(request: Request) -> type[BaseModel] | None:
    """What the body of the route is made of."""
    body = getattr(request.scope.get("route"), "body_field", None)
    kind = getattr(getattr(body, "field_info", None), "annotation", None)
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


async def _http(_request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 500)
    said = BETTER.get(status, str(getattr(error, "detail", error)))
    told = response(RefusedError(status, said[:1].lower() + said[1:]))
    told.headers.update(getattr(error, "headers", None) or {})
    return told


async def _any(_request: Request, error: Exception) -> Response:
    return response(refusal(error))
