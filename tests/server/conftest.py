"""A client of an application with small systems."""

import pytest
from fastapi.testclient import TestClient

from acclimate.server.app import build_app


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
