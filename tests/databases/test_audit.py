"""The limit of a server, compared with what a site may open."""

from __future__ import annotations

import json
import re

import pytest

from tests.databases.conftest import manage
from tests.servers import harness

ASYNCCHECK = ("asynccheck", "--format", "json", "--database", "default")


def findings(database, workers: int, settings=None, **options) -> dict[str, str]:
    settings = {"ASYNCKIT_WORKERS": workers, **(settings or {})}
    done = manage(database, *ASYNCCHECK, settings=settings, **options)
    return {one["id"]: one["message"] for one in json.loads(done.stdout)["findings"]}


def max_connections(database) -> int:
    queries = {"postgresql": "SHOW max_connections", "mysql": "SELECT @@max_connections"}
    [[limit]] = database.server.execute(queries[database.vendor])
    return int(limit)


def test_a_server_with_room_for_more_processes(network_database):
    message = findings(network_database, workers=10)["asynckit.I016"]
    limit, opened, processes = map(int, re.findall(r"\d+", message))
    assert opened == 10
    assert processes == limit // 10
    # PostgreSQL keeps some for its superusers.
    assert 0 <= max_connections(network_database) - limit <= 10


def test_a_server_with_too_few_connections_for_one_process(network_database):
    found = findings(network_database, workers=100_000)
    assert "may ask for 100000" in found["asynckit.W019"]
    assert "asynckit.I016" not in found


def test_it_is_a_system_check_too(network_database):
    def check(workers):
        settings = {"ASYNCKIT_WORKERS": workers}
        return manage(network_database, "check", "--database", "default", settings=settings).stderr

    assert "asynckit.W019" in check(100_000)
    assert "asynckit" not in check(10)


HOLDING = {
    "MIDDLEWARE": [f"tests.audit.stacks.{name}" for name in ("Native", "SyncClass")],
    "ASGI_APPLICATION": "tests.databases.asgi.application",
}


def test_sync_only_middleware_leaves_no_limit(network_database):
    found = findings(network_database, workers=10, settings=HOLDING)
    assert "asynckit.I016" not in found
    assert "without a limit" in found["asynckit.W019"]
    assert "since tests.audit.stacks.SyncClass is sync only" in found["asynckit.W019"]
    check = ("check", "--database", "default")
    assert "without a limit" in manage(network_database, *check, settings=HOLDING).stderr
    unserved = {**HOLDING, "ASGI_APPLICATION": "no_such.asgi.application"}
    assert "W019" not in manage(network_database, *check, settings=unserved).stderr


@pytest.mark.parametrize("settings", [{}, HOLDING], ids=["", "sync-only middleware"])
def test_a_pool_opens_no_more_than_it_has(postgresql, settings):
    pool = {"OPTIONS": {"pool": {"min_size": 1, "max_size": 3}}}
    message = findings(postgresql, workers=100_000, settings=settings, **pool)["asynckit.I016"]
    assert "opens up to 3:" in message


def test_a_server_that_cannot_be_reached(network_database):
    found = findings(network_database, workers=10, PORT=harness.free_port())
    assert "cannot be asked: OperationalError" in found["asynckit.E011"]


@pytest.mark.parametrize("arguments", [ASYNCCHECK, ("check", "--database", "default")])
def test_sqlite_has_no_limit(sqlite, arguments):
    done = manage(sqlite, *arguments)
    assert ("is not asked for a limit" in done.stdout) == ("asynccheck" in arguments)
    assert "asynckit" not in done.stderr
