"""Many requests at once: no error, no deadlock, and no more connections than workers."""

from __future__ import annotations

import json
import time

import pytest

from tests.databases.client import ask, ask_one
from tests.databases.servers import NOTES
from tests.databases.test_faults import run_beside

#: Seconds that the machine of a test may lose on other work.
BUSY = 26
#: Most sites have it; on stock Django it is sync only.
WHITENOISE = {"MIDDLEWARE": ["whitenoise.middleware.WhiteNoiseMiddleware"]}
SYNC_ONLY = {"MIDDLEWARE": ["tests.databases.middleware.sync_only"]}


def limit(server) -> int:
    return json.loads(ask_one(server, "/state/"))["limit"]


def assert_all_right(server, answers, body: str = str(NOTES)) -> None:
    assert answers.counted() == {200: len(answers.statuses)}, server.output[-3000:]
    assert set(answers.bodies) == {body}


@pytest.mark.parametrize("view", ["/count/", "/count/sync/"], ids=["async", "sync"])
def test_2000_clients_with_one_query_each(postgresql, start_only_site, view):
    server = start_only_site(postgresql, WHITENOISE, CONN_MAX_AGE=None)
    with postgresql.watch() as watch:
        answers = ask(server, [view] * 2000, concurrency=2000)
    assert_all_right(server, answers)
    assert 1 <= watch.most <= limit(server) == 40


@pytest.mark.parametrize("query", ["", "&query"], ids=["no query", "query"])
def test_slow_sync_views_keep_nobody_waiting(postgresql, start_only_site, query):
    """As on stock Django: it is connections that are limited."""
    server = start_only_site(postgresql, {"ASYNCKIT_WORKERS": 60}, CONN_MAX_AGE=None)
    slow = []
    thread = run_beside(
        lambda: slow.append(ask(server, [f"/sleep/?seconds=5{query}"] * 48, concurrency=48))
    )
    time.sleep(2)
    answers = ask(server, ["/count/"])
    assert_all_right(server, answers)
    assert answers.seconds < 2
    thread.join()
    assert_all_right(server, slow[0], "slept")
    assert slow[0].seconds < 5 + BUSY


def test_who_asks_a_database_when_all_connections_are_taken_waits(postgresql, start_only_site):
    server = start_only_site(postgresql, {"ASYNCKIT_WORKERS": 3}, CONN_MAX_AGE=None)
    with postgresql.watch() as watch:
        answers = ask(server, ["/sleep/?seconds=0.5&query"] * 12, concurrency=12)
    assert_all_right(server, answers, "slept")
    assert 1 <= watch.most <= 3


@pytest.mark.parametrize("options", [{}, {"CONN_MAX_AGE": None}], ids=["default", "persistent"])
def test_1000_requests_that_wait_between_queries(postgresql, start_only_site, options):
    server = start_only_site(postgresql, WHITENOISE, **options)
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


def test_sync_only_middleware_leaves_the_limit_of_connections_to_the_sync_chain(
    postgresql, start_only_site
):
    settings = {**SYNC_ONLY, "ASYNCKIT_SYNC_CHAIN": True}
    server = start_only_site(postgresql, settings, CONN_MAX_AGE=None)
    with postgresql.watch() as watch:
        answers = ask(server, ["/count/sync/"] * 1000, concurrency=1000)
    assert_all_right(server, answers)
    assert 1 <= watch.most <= limit(server)


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
