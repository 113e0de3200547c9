"""The serve verb: what it refuses before anything is loaded, and how it is stopped."""

import os
import signal
import socket
import subprocess
import sys

import httpx
import pytest

from acclimate.cli.serve import require_key, require_port, run
from acclimate.core.errors import ConfigError
from server.running import free_port, until


@pytest.fixture(autouse=True)
def tests_keep_their_turns(monkeypatch):
    """The verb changes how its own process is scheduled, which here is that of all tests."""
    monkeypatch.setattr("acclimate.server.workers.process_setup.interrupt_nobody", lambda: False)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.3.2.1"])
def test_this_machine_needs_no_key(host):
    require_key(host, [])


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.org", ""])
def test_others_need_one(host):
    with pytest.raises(ConfigError, match="other machines could ask, so it needs a key"):
        require_key(host, [])
    require_key(host, ["a-long-enough-key"])


def test_a_port_that_is_taken():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match="cannot listen there"):
            require_port("127.0.0.1", port)


def test_limits_are_checked():
    for setting in ("max_new_tokens=0", "max_tokens=5"):
        with pytest.raises(ConfigError, match="serve: "):
            run("nothing", [setting], port=8999)


def test_what_is_not_there():
    with pytest.raises(ConfigError, match="there is no such folder"):
        run("./nothing", port=8999, host="127.0.0.1", name="", adapter=None, api_key=None)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "localhost", "::1"])
def test_where_it_listens_it_answers(host, tmp_path, monkeypatch):
    pytest.importorskip("fastapi")
    from fastapi.testclient import TestClient

    from acclimate.cli import _served_systems as _systems
    from acclimate.server import http_server as lifecycle
    from acclimate.server.workers import process_pool as workers
    from acclimate.server.workers.thread_pool import ThreadPool
    from server.small_systems import Says

    asked = []

    class Here(ThreadPool):
        def __init__(self, load, limits):
            self.loaded = load()
            super().__init__(self.loaded.systems, limits)

    class Server:
        def __init__(self, app, *, host, port):
            shown = f"[{host}]" if ":" in host else host
            self.client = TestClient(app, base_url=f"http://{shown}:{port}")

        def run(self):
            asked.append(self.client.get("/health").status_code)
            elsewhere = {"host": "example.org"}
            refused = self.client.get("/health", headers=elsewhere)
            asked.append(refused.status_code)
            asked.append(refused.json()["error"]["code"])

    monkeypatch.setattr(lifecycle, "Server", Server)
    found = _systems.LoadedSystems({"says": Says("yes")}, None)
    monkeypatch.setattr(workers, "ProcessPool", Here)
    monkeypatch.setattr(_systems, "served", lambda *_, **__: found)
    run("says", port=8999, host=host, feedback=tmp_path / "feedback.sqlite")
    assert asked == [200, 400, "unknown_host"]


def test_told_to_stop_with_all_its_processes_it_finishes_what_was_begun(model_folder, tmp_path):
    port = free_port()
    kept = ["--feedback", str(tmp_path / "feedback.sqlite")]
    command = [sys.executable, "-m", "acclimate.cli.main", "serve", str(model_folder("llama"))]
    process = subprocess.Popen(
        [*command, "--name", "small", "--port", str(port), *kept],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    until(lambda: is_ready(address), 60)
    asked = {"model": "small", "prompt": "the answer", "max_tokens": 200, "stream": True}
    with httpx.stream("POST", f"{address}/v1/completions", json=asked, timeout=30) as answer:
        lines = answer.iter_lines()
        next(lines)
        os.killpg(process.pid, signal.SIGTERM)  # as a supervisor does, or a terminal
        said = list(lines)
    assert said[-2:] == ["data: [DONE]", ""]
    _, errors = process.communicate(timeout=30)
    assert process.returncode in {0, -signal.SIGTERM}
    assert errors == ""
    until(lambda: not is_there(process.pid))


def is_there(group):
    """Whether any process of a group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def is_ready(address):
    try:
        return httpx.get(f"{address}/ready", timeout=5).status_code == 200
    except httpx.TransportError:
        return False
