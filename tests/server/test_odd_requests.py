"""Requests that no client should send: each has an answer or is hung up on, and nobody waits."""

import json

import httpx
import pytest

from acclimate.server.app import build_app
from acclimate.server.limits import Limits
from server.running import connected, port_of, request_of, rest_of, running, sent
from server.small_systems import Says

CLOSE = "host: x\r\nconnection: close\r\n"
POST = f"POST /v1/chat/completions HTTP/1.1\r\n{CLOSE}content-type: application/json\r\n"
ASKED = {"model": "one", "messages": [{"role": "user", "content": "x"}]}
BODY = json.dumps(ASKED)
CHUNKED = "transfer-encoding: chunked\r\n\r\n"
STREAM = json.dumps({**ASKED, "stream": True})
SHAPE = {"message", "type", "param", "code"}


@pytest.fixture(scope="module")
def server():
    limits = Limits(body_seconds=0.5, max_body_bytes=5000)
    with running(build_app({"one": Says("yes")}, limits=limits)) as server:
        yield server


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (f"HEAD / HTTP/1.1\r\n{CLOSE}\r\n", 405),
        (f"OPTIONS /v1/chat/completions HTTP/1.1\r\n{CLOSE}\r\n", 405),
        (f"OPTIONS * HTTP/1.1\r\n{CLOSE}\r\n", 404),
        (f"TRACE / HTTP/1.1\r\n{CLOSE}\r\n", 405),
        (f"CONNECT x:80 HTTP/1.1\r\n{CLOSE}\r\n", 404),
        (f"BREW /v1/models HTTP/1.1\r\n{CLOSE}\r\n", 405),
        (f"GET /v1/models/%00%ff HTTP/1.1\r\n{CLOSE}\r\n", 404),
        (f"GET /page/..%2f..%2fapp.py HTTP/1.1\r\n{CLOSE}\r\n", 404),
        (f"GET http://evil/v1/models HTTP/1.1\r\n{CLOSE}\r\n", 404),
        (f"GET /v1/models HTTP/1.1\r\n{CLOSE}content-length: 5\r\n\r\nhello", 200),
        (f"GET /v1/models HTTP/1.1\r\n{CLOSE}upgrade: websocket\r\n\r\n", 200),
        ("GET /health HTTP/1.0\r\n\r\n", 200),
        ("GET /health HTTP/1.1\r\n\r\n", 400),
        (f"{POST}expect: 100-continue\r\ncontent-length: {len(BODY)}\r\n\r\n{BODY}", 100),
        (f"{POST}expect: 100-continue\r\ncontent-length: 999999\r\n\r\n", 413),
        (f"{POST}{CHUNKED}{len(BODY):x}\r\n{BODY}\r\n0\r\nx: y\r\n\r\n", 200),
        (f"{POST}{CHUNKED}zz\r\n{{}}\r\n0\r\n\r\n", 400),
        (f"{POST}{CHUNKED}ffffffff\r\n{{}}\r\n", 408),
        (f"{POST}transfer-encoding: gzip\r\n\r\n{BODY}", 400),
        (f"{POST}content-length: {len(BODY) - 5}\r\n\r\n{BODY}", 400),
        (f"{POST}content-length: {len(BODY) + 5}\r\n\r\n{BODY}", 408),
        (f"{POST}content-length: -1\r\n\r\n{BODY}", 400),
        (f"{POST}content-length: 3\r\ncontent-length: 4\r\n\r\n{BODY}", 400),
        (f"{POST}content-length: 1{'0' * 30}\r\n\r\n{BODY}", 400),
        (f"{POST}\r\n", 422),
    ],
)
def test_each_has_an_answer(server, request_, status):
    head, _, body = sent(server, request_.encode()).partition(b"\r\n\r\n")
    assert int(head.split()[1]) == status
    if b"application/json" in head and status >= 400 and body:
        assert set(json.loads(body)["error"]) == SHAPE
    assert b"Traceback" not in body
    assert_well(server)


@pytest.mark.parametrize("body", [BODY, STREAM, BODY + "     "])
def test_who_closes_its_half_is_not_waited_for(server, body):
    request = request_of(body.encode()).removesuffix(b"     ")
    with connected(server) as connection:
        connection.sendall(request)
        connection.shutdown(1)
        rest_of(connection)
    assert_well(server)


def test_requests_that_come_together_are_answered_in_turn(server):
    open_ = request_of(BODY.encode()).replace(b"connection: close\r\n", b"")
    stream = request_of(STREAM.encode()).replace(b"connection: close\r\n", b"")
    told = sent(server, open_ + stream + b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n" + b"no\r\n\r\n")
    assert told.index(b"chat.completion") < told.index(b"[DONE]") < told.index(b'{"status":"ok"}')
    assert (told.count(b"HTTP/1.1 200"), told.count(b"HTTP/1.1 400")) == (3, 1)


def assert_well(server):
    address = f"http://127.0.0.1:{port_of(server)}/v1/chat/completions"
    assert httpx.post(address, json=ASKED).status_code == 200
