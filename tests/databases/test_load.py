"""Many requests at once: no error, no deadlock, and no more connections than workers."""

from __future__ import annotations

import json

import pytest

from tests.databases.client import ask, ask_one
from tests.databases.servers import NOTES

#: Seconds that the machine of a test may lose on other work.
BUSY = 26
SYNC_ONLY = {"MIDDLEWARE": ["tests.databases.middleware.sync_only"]}


def limit(server) -> int:
    return json.loads(ask_one(server, "/state/"))["limit"]


def assert_all_right(server, answers, body: str = str(NOTES)) -> None:
    assert answers.counted() == {200: len(answers.statuses)}, server.output[-3000:]
    assert set(answers.bodies) == {body}


def test_2000_clients_with_one_query_each(postgresql, start_only_site):
    server = start_only_site(postgresql, CONN_MAX_AGE=None)
    with postgresql.watch() as watch:
        answers = ask(server, ["/count/"] * 2000, concurrency=2000)
    assert_all_right(server, answers)
    assert 1 <= watch.most <= limit(server)


@pytest.mark.parametrize("options", [{}, {"CONN_MAX_AGE": None}], ids=["default", "persistent"])
def test_1000_requests_that_wait_between_queries(postgresql, start_only_site, options):
    server = start_only_site(postgresql, **options)
    with postgresql.watch() as watch:
        answers = ask(server, ["/twice/"] * 1000, concurrency=1000)
    assert_all_right(server, answers)
    assert 1 <= watch.most <= limit(server)
    assert answers.seconds < 4 + BUSY


def test_1000_requests_that_wait_behind_sync_only_middleware(postgresql, start_only_site):
    server = start_only_site(postgresql, SYNC_ONLY)
    answers = ask(server, ["/wait/"] * 1000, concurrency=1000)
    assert_all_right(server, answers, "waited")
    assert answers.seconds < 4 + BUSY


@pytest.mark.parametrize("query", ["", "?raw=1"], ids=["stateless", "raw"])
def test_lock_around_a_query_is_no_deadlock(network_database, start_site, query):
    server = start_site(network_database, {"ASYNCKIT_WORKERS": 8})
    answers = ask(server, [f"/locked/{query}"] * 9, concurrency=9)
    assert_all_right(server, answers)
    answers = ask(server, [f"/locked/{query}"] * 100, concurrency=100)
    assert_all_right(server, answers)


@pytest.mark.parametrize("query", ["", "?raw=1"], ids=["stateless", "raw"])
def test_view_may_call_its_own_server(network_database, start_site, query):
    server = start_site(network_database, {"ASYNCKIT_WORKERS": 2})
    answers = ask(server, [f"/self/{query}"] * 20, concurrency=20)
    assert_all_right(server, answers, "asked")


def test_asyncio_run_in_a_sync_view_is_an_error(postgresql, start_site):
    server = start_site(postgresql, {"ASYNCKIT_WORKERS": 2})
    for _ in range(4):
        assert "A worker cannot wait for itself" in ask_one(server, "/run/")
