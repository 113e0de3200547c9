"""By which names a server lets itself be called, and what it tells who calls it another."""

import pytest
from fastapi.testclient import TestClient

from acclimate.server.app import build_app
from acclimate.server.hosts import HostGuard
from server.small_systems import Says


@pytest.fixture
def client():
    app = build_app({"one": Says("yes")})
    app.add_middleware(HostGuard, names=["Box.local", "[fe80::1]"])
    return TestClient(app)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:8000",
        "127.0.0.1:80",
        "[::1]:8000",
        "[::1]",
        "box.local",
        "[fe80::1]",
    ],
)
def test_its_own_names(client, host):
    assert client.get("/health", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["example.org", "localhost.example.org:8000", "[::2]:80", "127.0.0.1:80.org", "", "a" * 999],
)
def test_others_are_refused_in_the_one_shape(client, host):
    for path in ("/v1/models", "/health", "/none"):
        reply = client.get(path, headers={"host": host})
        assert reply.status_code == 400
        error = reply.json()["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert error["message"].startswith(f"host='{host[:80]}': without an API key the server")
        assert "localhost, 127.0.0.1, [::1], Box.local, [fe80::1]" in error["message"]
        assert (error["type"], error["code"]) == ("invalid_request_error", "unknown_host")
