"""Servers that start once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.servers import harness
from tests.servers.harness import APPLICATIONS, Server


@pytest.fixture(scope="session")
def marks(tmp_path_factory) -> Path:
    """The folder for what views write while tests look on."""
    return tmp_path_factory.mktemp("marks")


Start = Callable[..., dict[str, Server]]


@pytest.fixture(scope="session")
def start_servers(tmp_path_factory, site_database, marks) -> Iterator[Start]:
    """Return a function that gives one server for each application, started at the first call."""
    running: dict[tuple[object, ...], dict[str, Server]] = {}
    logs = tmp_path_factory.mktemp("logs")
    site = {"TESTS_DB": str(site_database), "TESTS_SERVERS_MARKS": str(marks)}

    def make(kind: str, application: str, options, variables) -> Server:
        port = harness.free_port()
        arguments = harness.command(kind, APPLICATIONS[application], port, *options)
        log = logs / f"{port}.log"
        server = Server(arguments, port, log, harness.environment(**site, **variables))
        server.start()
        return server

    def start(kind: str, *options: str, names=tuple(APPLICATIONS), **variables: str):
        if reason := harness.missing(kind):
            pytest.skip(reason)
        key = (kind, *options, *names, *variables.items())
        if key not in running:
            running[key] = {name: make(kind, name, options, variables) for name in names}
            for server in running[key].values():
                server.wait_until_it_answers()
        return running[key]

    yield start
    harness.stop_all(server for servers in running.values() for server in servers.values())
