"""A client of an application with small systems."""

from functools import partial
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from acclimate.server.app import build_app
from server.page_server import WORDS, Running, page_app

CHROMIUM = Path("/usr/bin/chromium")
OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", OFFLINE]


@pytest.fixture
def client_of():
    """Give a client of systems, by name; further words are those of `build_app`."""

    def make(**systems):
        options = systems.pop("options", {})
        return TestClient(build_app(systems, **options), raise_server_exceptions=False)

    return make


@pytest.fixture
def client(client_of, tiny):
    """A client of one small network, called tiny."""
    return client_of(tiny=tiny)


@pytest.fixture(scope="module")
def browser():
    """A real Chromium that reaches this machine alone."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip(f"there is no {CHROMIUM}")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def serve(tmp_path):
    """Serve the page; `running.app.state.systems` are the systems."""
    started = []

    def of(words=WORDS, **more):
        started.append(Running(partial(page_app, tmp_path, words, **more)))
        return started[-1]

    yield of
    for running in started:
        running.stop()


@pytest.fixture
def visit(browser):
    """Open a page that may say nothing wrong in the console and ask nobody but its server."""
    opened, faults = [], []

    def of(running, part="", **how):
        context = browser.new_context(**how)
        context.set_default_timeout(20_000)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if is_fault(said) else None)
        page.on("request", lambda one: strange(one.url, running.address) and faults.append(one.url))
        page.goto(f"{running.address}/{part}")
        opened.append(context)
        return page

    yield of
    for context in opened:
        context.close()
    assert faults == []


def is_fault(said):
    """Requests that fail are told in the console whatever a page does; all else is a fault."""
    return said.type in {"error", "warning"} and "Failed to load resource" not in said.text


def strange(url, address):
    """Whether it is asked of somebody else; what the page made itself is nobody's."""
    return not url.startswith((address, f"blob:{address}", "data:"))
