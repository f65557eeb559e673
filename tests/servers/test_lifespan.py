"""A server that insists on the lifespan protocol starts with our handler, and ends in good order."""

from __future__ import annotations

import threading
import time

import pytest

from tests.servers import harness
from tests.servers.client import Request, run_over_socket
from tests.servers.harness import APPLICATIONS, Server


@pytest.fixture
def make_server(tmp_path, site_database, marks):
    """Return a function that makes a uvicorn which needs lifespan; stopped at the end."""
    if reason := harness.missing("uvicorn"):
        pytest.skip(reason)
    servers = []

    def make(application: str) -> Server:
        port = harness.free_port()
        arguments = harness.command("uvicorn", APPLICATIONS[application], port, "--lifespan=on")
        variables = harness.environment(TESTS_DB=str(site_database), TESTS_SERVERS_MARKS=str(marks))
        servers.append(Server(arguments, port, tmp_path / f"{application}.log", variables))
        servers[-1].start()
        return servers[-1]

    yield make
    for server in servers:
        server.stop()


def test_it_starts_and_shuts_down_while_a_request_runs(make_server):
    server = make_server("asynckit")
    server.wait_until_it_answers()
    replies = []
    flow = [Request("/slow/?seconds=1", contains=b"slow")]
    client = threading.Thread(target=lambda: replies.extend(run_over_socket(server, flow)))
    client.start()
    time.sleep(0.3)
    assert server.stop() == 0
    client.join(10)
    assert [reply.body for reply in replies] == [b"slow"]
    assert "Application startup complete." in server.output
    assert "Application shutdown complete." in server.output
    assert "Traceback" not in server.output
    assert "ERROR" not in server.output


def test_stock_django_does_not_start(make_server):
    server = make_server("stock")
    assert server.process.wait(30) != 0
    assert "Application startup failed" in server.output
