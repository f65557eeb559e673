"""How many connections a site has, and for how long."""

from __future__ import annotations

import json
import signal

import pytest

from tests.databases.client import ask, ask_one
from tests.databases.servers import NOTES

WORKERS = 4


def workers(**settings) -> dict:
    return {"ASYNCKIT_WORKERS": WORKERS, **settings}


def count_500(server) -> None:
    answers = ask(server, ["/count/", "/count/sync/"] * 250, concurrency=20)
    assert answers.counted() == {200: 500}, server.output[-3000:]
    assert set(answers.bodies) == {str(NOTES)}


@pytest.mark.parametrize("lifespan", ["on", "off"])
def test_persistent_connections_are_no_more_than_workers(database, start_only_site, lifespan):
    server = start_only_site(database, workers(), lifespan, CONN_MAX_AGE=None)
    with database.watch() as watch:
        count_500(server)
    assert 1 <= len(watch.seen) <= WORKERS
    assert 1 <= len(database.sessions()) <= WORKERS
    server.process.send_signal(signal.SIGTERM)
    server.process.wait(10)
    assert database.wait_for_sessions(0) == []
    assert "Traceback" not in server.output


def test_one_session_serves_requests_that_come_one_by_one(network_database, start_only_site):
    server = start_only_site(network_database, {"ASYNCKIT_WORKERS": 1}, CONN_MAX_AGE=1)
    assert len(set(ask(server, ["/session/"] * 3, concurrency=1).bodies)) == 1


def test_age_is_honoured(network_database, start_only_site):
    server = start_only_site(network_database, {"ASYNCKIT_WORKERS": 1}, CONN_MAX_AGE=1)
    before = ask_one(server, "/session/")
    ask_one(server, "/wait/?seconds=1.2")
    assert ask_one(server, "/session/") != before


def test_without_an_age_each_request_has_a_new_connection(network_database, start_only_site):
    server = start_only_site(network_database, workers(), CONN_MAX_AGE=0)
    sessions = ask(server, ["/session/"] * 20, concurrency=1).bodies
    assert len(set(sessions)) == 20
    assert network_database.wait_for_sessions(0) == []


def test_without_an_age_nothing_stays_open_between_requests(database, start_only_site):
    server = start_only_site(database, workers(), CONN_MAX_AGE=0)
    count_500(server)
    assert database.wait_for_sessions(0) == []


def test_idle_workers_close_their_connections(database, start_only_site):
    settings = workers(ASYNCKIT_WORKER_IDLE_SECONDS=0.5)
    server = start_only_site(database, settings, CONN_MAX_AGE=None)
    count_500(server)
    assert database.wait_for_sessions(0) == []
    assert json.loads(ask_one(server, "/state/"))["workers"] == 0


def test_pool_has_its_connections_back_between_requests(postgresql, start_only_site):
    pytest.importorskip("psycopg_pool", reason="psycopg_pool is not installed")
    # With one connection, whoever kept it would starve the others.
    pool = {"pool": {"min_size": 1, "max_size": 1, "timeout": 5}}
    server = start_only_site(postgresql, workers(), OPTIONS=pool)
    count_500(server)
    assert len(postgresql.sessions()) == 1


def test_health_check_replaces_a_connection_that_died(network_database, start_only_site):
    server = start_only_site(
        network_database, workers(), CONN_MAX_AGE=None, CONN_HEALTH_CHECKS=True
    )
    before = ask_one(server, "/session/")
    network_database.kill_all()
    assert network_database.wait_for_sessions(0) == []
    assert ask_one(server, "/session/") != before
