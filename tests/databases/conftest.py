"""Databases of their own, and uvicorn in front of them."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases.servers import NAME, NOTES, Database, MariaDB, PostgreSQL, SQLite
from tests.servers import harness
from tests.servers.harness import ROOT, Server

APPLICATION = "tests.databases.asgi:application"
FILL = (
    "from tests.databases.models import Note\n"
    f"Note.objects.bulk_create(Note(tenant=f't{{i % 4}}', text=f'{{i}}') for i in range({NOTES}))\n"
)


def pytest_collection_modifyitems(items):
    """Servers start slowly where much else runs."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.timeout(240))


def connect(server: type, driver: str):
    """Return a connected server, or skip."""
    pytest.importorskip(driver, reason=f"{driver} is not installed")
    try:
        return server()
    except Exception as error:
        pytest.skip(f"there is no {server.__name__}: {error}")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Database]:
    server = connect(PostgreSQL, "psycopg")
    yield from make_database(server, NAME)


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Database]:
    server = connect(MariaDB, "MySQLdb")
    yield from make_database(server, NAME)


@pytest.fixture(scope="session")
def sqlite(tmp_path_factory) -> Iterator[Database]:
    folder = tmp_path_factory.mktemp("sqlite")
    yield from make_database(SQLite(folder), f"{NAME}.sqlite3", str(folder / f"{NAME}.sqlite3"))


@pytest.fixture(params=["postgresql", "mariadb", "sqlite"])
def database(request) -> Database:
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["postgresql", "mariadb"])
def network_database(request) -> Database:
    return request.getfixturevalue(request.param)


def make_database(server, name: str, path: str = "") -> Iterator[Database]:
    server.drop(name)
    server.create(name)
    try:
        database = Database(server, name, path or name)
        manage(database, "migrate", "--run-syncdb", "-v0")
        manage(database, "shell", "-v0", "-c", FILL)
        yield database
    finally:
        server.drop(name)
        server.close()


def variables(database: Database, settings: dict, options: dict) -> dict[str, str]:
    return harness.environment(
        DJANGO_SETTINGS_MODULE="tests.databases.settings",
        TESTS_DATABASE=json.dumps({**database.settings, **options}),
        TESTS_SETTINGS=json.dumps(settings),
    )


def manage(database: Database, *arguments: str, settings: dict | None = None) -> None:
    environment = variables(database, settings or {}, {})
    command = [sys.executable, "-m", "django", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def start_site(tmp_path_factory) -> Iterator:
    """Return a function that starts uvicorn with the site, or returns one that runs with this.

    Its arguments are options of the database (``CONN_MAX_AGE`` and so on); ``settings`` are
    Django's, ``lifespan`` and ``middleware`` what they say.
    """
    if not importlib.util.find_spec("uvicorn"):
        pytest.skip("uvicorn is not installed")
    servers: dict[str, Server] = {}
    logs = tmp_path_factory.mktemp("logs")

    def start(database: Database, settings=None, lifespan="auto", **options) -> Server:
        key = json.dumps([database.vendor, settings, lifespan, options])
        if key in servers and servers[key].process.poll() is None:
            return servers[key]
        port = harness.free_port()
        extra = (f"--lifespan={lifespan}", "--no-access-log", "--backlog=4096")
        arguments = harness.command("uvicorn", APPLICATION, port, *extra)
        environment = variables(database, settings or {}, options)
        server = servers[key] = Server(arguments, port, logs / f"{port}.log", environment)
        server.start()
        server.wait_until_it_answers()
        return server

    yield start
    for server in servers.values():
        server.stop()
