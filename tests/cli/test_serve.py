"""The serve verb: what it refuses before anything is loaded."""

import socket

import pytest

from acclimate.cli.serve import require_key, require_port, run
from acclimate.core.errors import ConfigError


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

    from acclimate.cli import _systems
    from acclimate.server import lifecycle
    from server.small_systems import Says

    asked = []

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
    found = _systems.Served({"says": Says("yes")}, None)
    monkeypatch.setattr(_systems, "served", lambda *_, **__: found)
    run("says", port=8999, host=host, feedback=tmp_path / "feedback.sqlite")
    assert asked == [200, 400, "unknown_host"]
