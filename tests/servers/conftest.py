"""A database in a file with one user in it, and servers that start once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connections

from tests.servers import harness
from tests.servers.harness import APPLICATIONS, Server


@contextlib.contextmanager
def database_file(name: Path, blocker) -> Iterator[None]:
    """Let all threads of this process use a file as their database, so that each can have a connection."""
    settings, original = connections.settings["default"], connections["default"]
    name_of_original = settings["NAME"]
    settings["NAME"] = str(name)
    connections["default"] = connections.create_connection("default")
    try:
        with blocker.unblock():
            yield
            connections["default"].close()
    finally:
        settings["NAME"] = name_of_original
        connections["default"] = original


@pytest.fixture(scope="session")
def site_database(tmp_path_factory, django_db_blocker) -> Path:
    """A migrated database with the user ``ada``, an administrator."""
    name = tmp_path_factory.mktemp("site") / "site.sqlite3"
    with database_file(name, django_db_blocker):
        call_command("migrate", verbosity=0)
        get_user_model().objects.create_superuser("ada", "ada@example.test", "secret")
    return name


@pytest.fixture
def in_process_database(site_database, django_db_blocker) -> Iterator[None]:
    with database_file(site_database, django_db_blocker):
        yield


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

    def start(kind: str, *options: str, stock: bool = True, **variables: str) -> dict[str, Server]:
        key = (kind, *options, *variables.items())
        if key not in running:
            if reason := harness.missing(kind):
                pytest.skip(reason)
            environment = harness.environment(
                TESTS_DB=str(site_database), TESTS_SERVERS_MARKS=str(marks), **variables
            )
            servers = running[key] = {}
            for name, application in APPLICATIONS.items():
                if name == "stock" and not stock:
                    continue
                port = harness.free_port()
                arguments = harness.command(kind, application, port, *options)
                servers[name] = Server(arguments, port, logs / f"{port}.log", environment)
                servers[name].start()
            for server in servers.values():
                server.wait_until_it_answers()
        return running[key]

    try:
        yield start
    finally:
        for servers in running.values():
            for server in servers.values():
                server.stop()
