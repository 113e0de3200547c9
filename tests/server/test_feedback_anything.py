"""Whatever is sent to the routes of feedback: what they document, and never a failure."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings

from acclimate.server.app import build_app
from server.small_systems import Says

FOLDER = TemporaryDirectory()
APP = build_app({"one": Says("yes", "The laws")}, feedback=Path(FOLDER.name) / "feedback.sqlite")
SCHEMA = schemathesis.openapi.from_asgi("/openapi.json", APP).include(path_regex="^/feedback")


@SCHEMA.parametrize()
@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_anything_may_be_sent(case):
    answer = case.call()
    # What is well formed may still be no question, or of no comparison.
    case.validate_response(answer, excluded_checks=[schemathesis.checks.positive_data_acceptance])
    assert answer.status_code < 500
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"{", 400),
        (b'{"messages": [{"role": "user", "content": "\\ud800"}]}', 400),
        (b'{"messages": [{"role": "user", "content": "\xff"}]}', 400),
        (b'{"messages": ' + b"[" * 10_000 + b"]" * 10_000 + b"}", 422),
        (json.dumps({"messages": [{"role": "user", "content": "x" * 2**20}]}).encode(), 413),
    ],
)
def test_what_cannot_be_read_is_a_sentence(client_of, tmp_path, content, status):
    client = client_of(one=Says("yes"), options={"feedback": tmp_path / "feedback.sqlite"})
    headers = {"content-type": "application/json"}
    reply = client.post("/feedback/comparisons", content=content, headers=headers)
    assert reply.status_code == status
    assert "Traceback" not in reply.json()["error"]["message"]
    assert client.get("/feedback").json() == {}
