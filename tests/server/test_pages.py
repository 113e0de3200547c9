"""The page's files are served whole, guarded, and name nothing outside."""

import re
from importlib import resources

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from acclimate.server.pages import page_router

PAGE = resources.files("acclimate.server") / "page"
FILES = sorted(file.name for file in PAGE.iterdir())


def client_of(**more):
    app = FastAPI(docs_url=None)
    app.include_router(page_router(**more))
    return TestClient(app)


@pytest.mark.parametrize("name", FILES)
def test_a_file_comes_as_what_it_is(name):
    reply = client_of().get(f"/page/{name}")
    assert reply.content == (PAGE / name).read_bytes()
    kind = {"js": "text/javascript", "css": "text/css", "html": "text/html", "svg": "image/svg+xml"}
    assert reply.headers["content-type"].split(";")[0] == kind[name.split(".")[-1]]
    assert reply.headers["x-content-type-options"] == "nosniff"
    known = {"If-None-Match": reply.headers["etag"]}
    assert client_of().get(f"/page/{name}", headers=known).status_code == 304


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_short_and_stays_with_its_server(name):
    text = (PAGE / name).read_text()
    assert len(text.splitlines()) <= 200
    assert "://" not in text.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".js")])
def test_no_script_reads_text_as_html(name):
    text = (PAGE / name).read_text()
    for way in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "DOMParser",
    ):
        assert way not in text


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_all_that_a_page_names_is_there(path):
    text = client_of().get(path).text
    named = re.findall(r'(?:src|href)="(/page/[^"]+)"', text)
    assert len(named) >= 3
    assert all(client_of().get(path).status_code == 200 for path in named)


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_the_policy_lets_nothing_in(path):
    policy = client_of().get(path).headers["content-security-policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
    assert rules["frame-ancestors"] == "'none'"
    assert "unsafe" not in policy


@pytest.mark.parametrize("name", ["../pages.py", "%2e%2e%2fpages.py", "none.js", "__init__.py"])
def test_only_files_of_the_page_are_served(name):
    assert client_of().get(f"/page/{name}").status_code == 404


def test_the_report_is_shown_once_it_is_there(tmp_path):
    path = tmp_path / "report.html"
    client = client_of(title="Laws", tasks=["law"], report=path)
    assert client.get("/page/about.json").json() == {
        "title": "Laws",
        "tasks": ["law"],
        "has_report": False,
        "has_feedback": True,
    }
    assert client.get("/report").status_code == 404
    path.write_text("<p>found</p>")
    assert client.get("/page/about.json").json()["has_report"] is True
    reply = client.get("/report")
    assert (reply.status_code, reply.text) == (200, "<p>found</p>")
    assert "script-src" not in reply.headers["content-security-policy"]
    assert reply.headers["content-security-policy"].startswith("default-src 'none'")
    assert client_of().get("/report").status_code == 404
