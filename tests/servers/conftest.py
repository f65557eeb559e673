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
    saved = {key: settings[key] for key in ("NAME", "OPTIONS")}
    settings.update(NAME=str(name), OPTIONS={"init_command": "PRAGMA synchronous=OFF"})
    connections["default"] = connections.create_connection("default")
    try:
        with blocker.unblock():
            yield
            connections["default"].close()
    finally:
        settings.update(saved)
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
    for server in [server for servers in running.values() for server in servers.values()]:
        server.stop()
