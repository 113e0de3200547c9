"""A real server: slow and vanishing clients, limits of time, and how it stops."""

import json
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

from acclimate.server.app import build_app
from acclimate.server.limits import Limits
from server.running import connected, free_port, port_of, request_of, rest_of, running, sent, until
from server.small_systems import Says
from server.told_systems import Waits


def asked(**fields):
    messages = [{"role": "user", "content": "x"}]
    return json.dumps({"model": "waits", "messages": messages, **fields}).encode()


def taken(server):
    return server.service.admission.taken


@pytest.mark.parametrize("begin", [b"", b"POST /v1/chat", b"POST / HTTP/1.1\r\nhost: x\r\na"])
def test_who_sends_no_head_is_not_waited_for(begin):
    app = build_app({"one": Says("yes")}, limits=Limits(body_seconds=0.2))
    with running(app) as server:
        start = time.monotonic()
        told = sent(server, begin)
        assert b"408" in told.splitlines()[0]
        assert b"within 0.2 seconds" in told
        assert time.monotonic() - start < 5


@pytest.mark.parametrize("begin", [b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"hello there\r\n\r\n"])
def test_bytes_that_are_no_request_are_told_so_as_all_else_is(begin):
    with running(build_app({"one": Says("yes")})) as server:
        head, body = sent(server, begin).split(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request")
    assert "no HTTP request" in json.loads(body)["error"]["message"]


def test_a_byte_now_and_then_does_not_help():
    app = build_app({"one": Says("yes")}, limits=Limits(body_seconds=0.3))
    with running(app) as server, connected(server) as connection:
        start = time.monotonic()
        try:
            while time.monotonic() - start < 5:
                connection.sendall(b"a")
                time.sleep(0.05)
        except OSError:
            pass
        assert time.monotonic() - start < 3


def test_who_sends_no_body_is_not_waited_for():
    app = build_app({"one": Says("yes")}, limits=Limits(body_seconds=0.2))
    with running(app) as server:
        told = sent(server, request_of(b"12345").removesuffix(b"345"))
        assert b"408" in told.splitlines()[0]
        assert b"not there after 0.2 seconds" in told


def test_an_idle_connection_may_ask_again():
    app = build_app({"one": Says("yes")}, limits=Limits(body_seconds=0.3))
    with running(app) as server, httpx.Client() as client:
        address = f"http://127.0.0.1:{port_of(server)}/health"
        assert client.get(address).status_code == 200
        time.sleep(0.5)
        assert client.get(address).status_code == 200


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_goes_away_frees_its_place(stream):
    system = Waits()
    with running(build_app({"waits": system})) as server:
        with connected(server) as connection:
            connection.sendall(request_of(asked(stream=stream)))
            until(system.has_begun.is_set)
            assert taken(server) == 1
        until(system.is_closed.is_set)
        until(lambda: taken(server) == 0)


def test_a_client_that_only_closes_its_half_is_gone():
    system = Waits()
    with running(build_app({"waits": system})) as server, connected(server) as connection:
        connection.sendall(request_of(asked(stream=True)))
        until(system.has_begun.is_set)
        connection.shutdown(1)
        rest_of(connection)
        until(lambda: taken(server) == 0)


def test_an_answer_that_takes_too_long_is_given_up():
    limits = Limits(request_seconds=0.3)
    with running(build_app({"waits": Waits()}, limits=limits)) as server:
        whole = sent(server, request_of(asked()))
        assert b"504" in whole.splitlines()[0]
        assert b"no answer after 0.3 seconds" in whole
        stream = sent(server, request_of(asked(stream=True)))
        assert b"200" in stream.splitlines()[0]
        assert b"no answer after 0.3 seconds" in stream
        until(lambda: taken(server) == 0)


def test_one_too_many_is_told_to_come_again():
    system = Waits()
    limits = Limits(max_running=1, max_waiting=0)
    app = build_app({"waits": system}, limits=limits)
    with running(app) as server, connected(server) as connection:
        connection.sendall(request_of(asked(stream=True)))
        until(system.has_begun.is_set)
        told = sent(server, request_of(asked()))
        assert b"429" in told.splitlines()[0]
        assert b"retry-after: 1" in told
        assert httpx.get(f"http://127.0.0.1:{port_of(server)}/health").status_code == 200


def test_what_is_no_http_is_refused():
    with running(build_app({"one": Says("yes")})) as server:
        assert b"400" in sent(server, b"\x16\x03\x01 what\r\n\r\n").splitlines()[0]


SCRIPT = """
import sys
from acclimate.server.app import build_app
from acclimate.server.http_server import Server
sys.path.insert(0, sys.argv[2])
from server.told_systems import Waits
system = Waits(int(sys.argv[3]))
Server(build_app({"waits": system}), host="127.0.0.1", port=int(sys.argv[1])).run()
"""


def started(pytestconfig, num_words):
    """A server in a process of its own that is up, and its address."""
    port = free_port()
    told = [str(port), str(pytestconfig.rootpath / "tests"), str(num_words)]
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *told], stderr=subprocess.PIPE, text=True
    )
    address = f"http://127.0.0.1:{port}"
    until(lambda: is_up(address), 60)
    return process, address


def test_told_to_stop_it_finishes_what_was_begun(pytestconfig):
    process, address = started(pytestconfig, 100)
    with httpx.stream(
        "POST", f"{address}/v1/chat/completions", content=asked(stream=True),
        headers={"content-type": "application/json"}, timeout=30,
    ) as answer:  # fmt: skip
        lines = answer.iter_lines()
        next(lines)
        process.send_signal(signal.SIGTERM)
        until(lambda: not is_up(address))
        said = list(lines)
    assert said[-2:] == ["data: [DONE]", ""]
    assert any('"99 "' in line for line in said)
    _, errors = process.communicate(timeout=30)
    assert process.returncode in {0, -signal.SIGTERM}
    assert "Traceback" not in errors


def test_told_twice_it_cuts_off_what_was_begun_and_calls_that_no_failure(pytestconfig):
    process, address = started(pytestconfig, 10_000)
    with socket.create_connection(("127.0.0.1", httpx.URL(address).port), timeout=10) as connection:
        connection.sendall(request_of(asked()))
        until(lambda: "acclimate_running 1.0" in httpx.get(f"{address}/metrics").text)
        process.send_signal(signal.SIGINT)
        until(lambda: not is_up(address))
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert "Exception in ASGI application" not in errors


def is_up(address):
    try:
        return httpx.get(f"{address}/ready", timeout=5).status_code == 200
    except httpx.TransportError:
        return False
