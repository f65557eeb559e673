"""Databases of their own, and uvicorn in front of them."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases.servers import NAME, NOTES, ROLE, Database, MariaDB, PostgreSQL, SQLite
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
        TESTS_ROLES=ROLE,
    )


def manage(
    database: Database, *arguments: str, settings: dict | None = None, **options: object
) -> subprocess.CompletedProcess[str]:
    environment = variables(database, settings or {}, options)
    command = [sys.executable, "-m", "django", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done


class Sites:
    """Starts uvicorn with the site, or finds one that runs with these very arguments."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._servers: dict[str, Server] = {}

    def start(
        self,
        database: Database,
        settings: dict | None = None,
        lifespan: str = "auto",
        **options: object,
    ) -> Server:
        """Return a server; ``settings`` are Django's, ``options`` are those of the database."""
        key = json.dumps([database.vendor, settings, lifespan, options])
        server = self._servers.get(key)
        if server is None or server.process.poll() is not None:
            server = self._servers[key] = self._make(database, settings or {}, lifespan, options)
            server.start()
            server.wait_until_it_answers()
        return server

    def start_only(self, database: Database, *arguments, **options) -> Server:
        """Stop all others first, whose sessions would be counted too."""
        server = self.start(database, *arguments, **options)
        others = {key: other for key, other in self._servers.items() if other is not server}
        harness.stop_all(others.values())
        for key in others:
            del self._servers[key]
        return server

    def _make(self, database: Database, settings: dict, lifespan: str, options: dict) -> Server:
        port = harness.free_port()
        extra = (f"--lifespan={lifespan}", "--no-access-log", "--backlog=4096")
        arguments = harness.command("uvicorn", APPLICATION, port, *extra)
        environment = variables(database, settings, options)
        return Server(arguments, port, self._logs / f"{port}.log", environment)

    def stop(self) -> None:
        harness.stop_all(self._servers.values())


@pytest.fixture(scope="module")
def sites(tmp_path_factory) -> Iterator[Sites]:
    if not importlib.util.find_spec("uvicorn"):
        pytest.skip("uvicorn is not installed")
    sites = Sites(tmp_path_factory.mktemp("logs"))
    yield sites
    sites.stop()


@pytest.fixture
def start_site(sites):
    """Return a function that starts the site, beside those of other tests of the module."""
    return sites.start


@pytest.fixture
def start_only_site(sites):
    """Return a function that starts the site, and stops the others."""
    return sites.start_only
