"""Clients that go away: views are cancelled, nothing stays open, and the server goes on."""

from __future__ import annotations

import time
import uuid

import pytest

from tests.servers.client import Request, run_over_socket
from tests.servers.harness import KINDS

SECONDS = 10


@pytest.fixture
def mark(marks):
    """A file that a view of the server writes to."""
    return marks / uuid.uuid4().hex


@pytest.fixture(params=KINDS)
def server(request, start_servers):
    return start_servers(request.param)["asynckit"]


def wait_for(condition) -> bool:
    deadline = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def says(mark, *lines: str) -> bool:
    return wait_for(lambda: mark.exists() and mark.read_text().split() == list(lines))


def goes_on(server) -> bool:
    flow = [
        Request("/", contains=b"Hello, world"),
        Request("/sync/", contains=b"Hello, thread"),
    ]
    return len(run_over_socket(server, flow)) == 2


def head(method: str, target: str, *headers: str) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: example.test", *headers, "", ""]
    return "\r\n".join(lines).encode()


def test_slow_view_is_cancelled(server, mark):
    with server.connect() as connection:
        connection.sendall(head("GET", f"/wait/?mark={mark.name}"))
        assert says(mark, "started")
    assert says(mark, "started", "cancelled", "finally")
    assert goes_on(server)


@pytest.mark.parametrize("target", ["/endless/", "/endless/sync/"])
def test_stream_ends(server, mark, target):
    with server.connect() as connection:
        connection.sendall(head("GET", f"{target}?mark={mark.name}"))
        received = b""
        while b"chunk" not in received:
            received += connection.recv(1000)
        assert says(mark, "started")
    assert says(mark, "started", "finally")
    assert goes_on(server)


def test_what_a_sync_view_returns_to_nobody_is_closed(server, mark):
    with server.connect() as connection:
        connection.sendall(head("GET", f"/late/file/?mark={mark.name}"))
        assert says(mark, "started")
    time.sleep(0.2)  # The server must have seen it: nothing tells.
    mark.with_name(f"{mark.name}.go").touch()
    assert says(mark, "started", "opened")
    assert wait_for(lambda: str(mark) not in server.open_files())
    assert goes_on(server)


@pytest.mark.parametrize("sent", [1000, 4_000_000], ids=["in memory", "on disk"])
def test_view_never_sees_half_an_upload(server, mark, sent):
    open_files = server.open_files()
    with server.connect() as connection:
        connection.sendall(head("POST", f"/marked/?mark={mark.name}", "Content-Length: 8000000"))
        connection.sendall(b"u" * sent)
        time.sleep(0.1)
    assert goes_on(server)
    assert wait_for(lambda: len(server.open_files()) <= len(open_files)), server.open_files()
    assert not mark.exists()


def test_many_clients_that_go_away_at_once(server, marks):
    names = [marks / uuid.uuid4().hex for _ in range(50)]
    connections = [server.connect() for _ in names]
    for connection, name in zip(connections, names, strict=True):
        connection.sendall(head("GET", f"/wait/?mark={name.name}"))
    assert all(says(name, "started") for name in names)
    for connection in connections:
        connection.close()
    assert all(says(name, "started", "cancelled", "finally") for name in names)
    assert goes_on(server)
