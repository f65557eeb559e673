"""Every server answers with our handler what it answers with Django's own, byte for byte."""

from __future__ import annotations

import pytest

from tests.servers.client import Request, hide, normalised, run_over_socket
from tests.servers.flows import FLOWS
from tests.servers.harness import KINDS


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("flow", FLOWS)
def test_answers_are_those_of_stock_django(start_servers, kind, flow):
    servers = start_servers(kind)
    stock = run_over_socket(servers["stock"], FLOWS[flow])
    ours = run_over_socket(servers["asynckit"], FLOWS[flow])
    assert [normalised(reply) for reply in ours] == [normalised(reply) for reply in stock]


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_our_handler_that_answers(start_servers, kind):
    for name, server in start_servers(kind).items():
        [reply] = run_over_socket(server, [Request("/frames/")])
        assert reply.body == b'{"asynckit": %s}' % (b"true" if name == "asynckit" else b"false")


@pytest.mark.parametrize("kind", KINDS)
def test_pipelined_requests_are_answered_as_by_stock_django(start_servers, kind):
    targets = ["/state/leave/", "/sync/", "/stream/", "/raises/404/", "/state/"]
    lines = "".join(f"GET {target} HTTP/1.1\r\nHost: example.test\r\n\r\n" for target in targets)
    last = "GET / HTTP/1.1\r\nHost: example.test\r\nConnection: close\r\n\r\n"
    received = {
        name: hide(read_to_the_end(server, (lines + last).encode()))
        for name, server in start_servers(kind).items()
    }
    assert received["asynckit"] == received["stock"]
    assert "Hello, thread" in received["asynckit"]
    assert received["asynckit"].endswith("Hello, world")


def read_to_the_end(server, data: bytes) -> str:
    with server.connect() as connection:
        connection.sendall(data)
        received = b""
        while part := connection.recv(65536):
            received += part
    return received.decode("latin1")
