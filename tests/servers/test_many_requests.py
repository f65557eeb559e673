"""1,000 slow requests at once cost no thread."""

from __future__ import annotations

import resource
import select
import time

import pytest

from tests.servers.client import Request, read_reply, run_over_socket

REQUESTS = 1000
DATA = b"GET /slow/?seconds=2 HTTP/1.1\r\nHost: example.test\r\nConnection: close\r\n\r\n"


@pytest.fixture
def many_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = REQUESTS + 200
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"a process may open only {hard} files here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_open_requests_need_no_threads(many_files, start_servers):
    server = start_servers("uvicorn", "--lifespan=on", "--no-access-log", names=("asynckit",))[
        "asynckit"
    ]
    run_over_socket(server, [Request("/"), Request("/slow/?seconds=0.01")])
    threads = server.threads()
    started = time.monotonic()
    connections = [server.connect() for _ in range(REQUESTS)]
    try:
        for connection in connections:
            connection.sendall(DATA)
        most = threads
        while not select.select(connections[:1], [], [], 0.1)[0]:
            most = max(most, server.threads())
        bodies = [read_reply(connection)[0].body for connection in connections]
        took = time.monotonic() - started
    finally:
        for connection in connections:
            connection.close()
    assert bodies == [b"slow"] * REQUESTS
    assert most == threads
    # One after the other they would take half an hour, and minutes in a few threads.
    assert took < 2 + 28
