"""A server of an application on a port of its own, in a thread."""

import asyncio
import socket
import threading
import time
from contextlib import contextmanager

from acclimate.server.http_server import Server


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(condition, seconds=20.0):
    """Wait for something to become true."""
    for _ in range(int(seconds / 0.01)):
        if condition():
            return
        time.sleep(0.01)
    raise TimeoutError


@contextmanager
def running(app):
    """Give the server, and stop it at the end."""
    server = Server(app, host="127.0.0.1", port=free_port())
    # Signals come to the main thread alone, where the tests are.
    thread = threading.Thread(target=lambda: asyncio.run(server._serve()), daemon=True)
    thread.start()
    until(lambda: server.started)
    try:
        yield server
    finally:
        server.should_exit = True
        thread.join(20)


def port_of(server):
    return server.config.port


def connected(server):
    return socket.create_connection(("127.0.0.1", port_of(server)), timeout=10)


def sent(server, content):
    """What comes back for these bytes until the connection is closed."""
    with connected(server) as connection:
        connection.sendall(content)
        return rest_of(connection)


def rest_of(connection):
    found = b""
    while piece := connection.recv(65536):
        found += piece
    return found


def request_of(body, path="/v1/chat/completions"):
    """The bytes of a request."""
    head = (
        f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        f"connection: close\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
