"""The web page: files of the package, and the study's report."""

import hashlib
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import FileResponse

_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""Suffix of a file → its media type, told so that no browser guesses."""

PAGES = {"/": "index.html", "/docs": "docs.html"}
"""Path → the file that is shown there."""

GUARDS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The page takes everything from its own server, and nobody may frame it."""
REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
"""The report stands alone: its style is inside, and it runs no script."""


def page_router(
    *,
    title: str = "acclimate",
    report: Path | None = None,
    has_feedback: bool = True,
    tasks: Sequence[str] = (),
) -> APIRouter:
    """Routes of the page: `/`, `/docs`, their files under `/page/`, and `/report`.

    Args:
        title: Of what is served, as people shall read it.
        report: The HTML report of a study; None, or not there yet: there is none.
        has_feedback: Whether people are asked what they think of answers.
        tasks: Of the domain, that questions may be asked as; the first unless told.
    """
    router = APIRouter(include_in_schema=False)
    files = _files()
    page_facts = {"title": title, "tasks": list(tasks), "has_feedback": has_feedback}

    @router.get("/")
    @router.get("/docs")
    def page(request: Request) -> Response:
        name = PAGES[request.scope["route"].path]
        return _served(request, name, files[name])

    @router.get("/page/about.json")
    def about() -> dict[str, Any]:
        return {**page_facts, "has_report": _is_there(report)}

    @router.get("/page/{name}")
    def asset(request: Request, name: str) -> Response:
        if name not in files:
            raise HTTPException(404, "the page has no such file")
        return _served(request, name, files[name])

    @router.get("/report")
    def study() -> Response:
        return _report(report)

    return router


def _files() -> dict[str, bytes]:
    """The page's files by name, read once; only these are served."""
    folder = resources.files("acclimate.server") / "page"
    return {
        file.name: file.read_bytes()
        for file in folder.iterdir()
        if file.is_file() and Path(file.name).suffix in _KINDS
    }


def _served(request: Request, name: str, content: bytes) -> Response:
    """A file, or word that what the browser has is still right."""
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {
        **GUARDS,
        "Content-Security-Policy": POLICY,
        "Cache-Control": "no-cache",
        "ETag": tag,
    }
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=_KINDS[Path(name).suffix], headers=headers)


def _report(path: Path | None) -> Response:
    if path is None or not path.is_file():
        raise HTTPException(404, "there is no report: what is served comes from no study")
    headers = {**GUARDS, "Content-Security-Policy": REPORT_POLICY, "Cache-Control": "no-cache"}
    return FileResponse(path, media_type=_KINDS[".html"], headers=headers)


def _is_there(report: Path | None) -> bool:
    return report is not None and report.is_file()
