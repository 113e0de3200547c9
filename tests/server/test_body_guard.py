"""Bodies: what is refused before it is parsed."""

import json

import anyio
import pytest

from acclimate.server.api_errors import ApiError
from acclimate.server.body_guard import BodyGuard, check
from acclimate.server.limits import Limits

PATH = "/v1/chat/completions"
JSON = {"content-type": "application/json"}


def refused(client, content, status):
    answer = client.post(PATH, content=content, headers=JSON)
    error = answer.json()["error"]
    assert answer.status_code == status, error
    assert set(error) == {"message", "type", "param", "code"}
    assert "Traceback" not in answer.text
    return error["message"]


def test_malformed(client):
    assert "not JSON" in refused(client, b'{"model": "tiny", ', 400)
    assert "not UTF-8 text: byte 12 is not" in refused(client, b'{"model": "\xff"}', 400)
    assert "surrogate" in refused(client, rb'{"model": "\ud800"}', 400)
    assert "JSON object" in refused(client, b"[]", 422)
    assert "JSON object" in refused(client, b"", 422)
    assert "cannot be read" in refused(client, b"1" * 5000, 400)
    emoji = rb'{"model": "\ud83d\ude00", "seed": ' + b"1" * 5000 + b"}"
    assert "cannot be read" in refused(client, emoji, 400)


def test_deep(client):
    levels = 10_000
    schema = b'{"properties": {"a": ' * levels + b"{}" + b"}}" * levels
    body = b'{"model": "tiny", "response_format": {"json_schema": {"schema": ' + schema + b"}}}"
    assert "deeper than 64" in refused(client, body, 422)
    assert "deeper than 64" in refused(client, b"[" * 100_000, 422)


def test_brackets_in_texts_do_not_count():
    told = json.dumps({"a": "[{" * 1000 + '"' * 99 + "\\" * 7}).encode()
    check(told, Limits())
    with pytest.raises(ApiError):
        check(b'{"a": "\\\\"' + b"[" * 70, Limits())


def test_an_unended_text_takes_no_time():
    check(b'"' + b"\\" * 1_000_001, Limits())


def test_long(client_of, tiny):
    client = client_of(tiny=tiny, options={"limits": Limits(max_body_bytes=100)})
    assert "longer than 100 bytes" in refused(client, b" " * 101, 413)
    assert client.post(PATH, content=b"{" + b" " * 97 + b"}", headers=JSON).status_code == 422


def answered(limits, pause):
    """What is sent to a client that sends a byte after each pause, without end."""
    sent = []

    async def receive():
        await anyio.sleep(pause)
        return {"type": "http.request", "body": b" ", "more_body": True}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "headers": []}
    anyio.run(BodyGuard(None, limits), scope, receive, send)
    return sent


def test_endless():
    sent = answered(Limits(max_body_bytes=100), 0.0)
    assert sent[0]["status"] == 413


def test_slow():
    sent = answered(Limits(body_seconds=0.05), 0.02)
    assert sent[0]["status"] == 408
    assert b"0.05 seconds" in sent[1]["body"]
    assert (b"connection", b"close") in sent[0]["headers"]
