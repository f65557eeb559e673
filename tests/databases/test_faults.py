"""After each fault the next 100 requests are right, and no thread, connection or lease is lost."""

from __future__ import annotations

import json
import threading
import time

import pytest

from tests.databases.client import ask, ask_one
from tests.databases.servers import NOTES

WORKERS = 3
RECEIVERS = {
    "INSTALLED_APPS": [
        "tests.databases",
        "tests.databases.receivers.ReceiversConfig",
        "django_asynckit",
    ]
}


@pytest.fixture(params=["persistent", "new"])
def site(request, network_database, start_only_site):
    """Start a site with persistent connections, and one without."""

    def start(**settings):
        age = None if request.param == "persistent" else 0
        settings = {"ASYNCKIT_WORKERS": WORKERS, **settings}
        return start_only_site(network_database, settings, CONN_MAX_AGE=age)

    return start


def count_100(server) -> None:
    answers = ask(server, ["/count/", "/count/sync/"] * 50, concurrency=20)
    assert answers.counted() == {200: 100}, server.output[-3000:]
    assert set(answers.bodies) == {str(NOTES)}


def assert_nothing_is_lost(server, database, workers: int = WORKERS) -> None:
    """Right answers, and then everything is as in a server that only just started."""
    count_100(server)
    until = time.monotonic() + 10
    while not is_at_rest(state := state_of(server), workers) and time.monotonic() < until:
        time.sleep(0.1)
    assert is_at_rest(state, workers), f"{state} {server.output[-2000:]}"
    assert len(database.wait_for_sessions(workers)) <= workers


def state_of(server) -> dict[str, int]:
    return json.loads(ask_one(server, "/state/"))


def is_at_rest(state: dict[str, int], workers: int) -> bool:
    # The request that asks has a lease, and a worker if there are receivers of signals.
    own = state["leased"]
    return (
        own <= 1
        and state["leases"] == 1
        and state["resting"] == own
        and (state["running"], state["waiting"], state["tasks"]) == (0, 0, 0)
        and state["idle"] + own == state["workers"] <= workers
        # The event loop's, and those of the pool for what is not the database's.
        and state["threads"] <= state["workers"] + 1
    )


def aborted(server, target: str, seconds: float) -> None:
    """Send a request and go away."""
    with server.connect() as connection:
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
        time.sleep(seconds)


def run_beside(function, *arguments) -> threading.Thread:
    thread = threading.Thread(target=function, args=arguments, daemon=True)
    thread.start()
    return thread


def test_sessions_killed_between_requests(site, network_database):
    server = site()
    count_100(server)
    network_database.kill_all()
    network_database.wait_for_sessions(0)
    answers = ask(server, ["/count/"] * 50, concurrency=1)
    # A failover costs one request: its error has all other connections checked.
    assert answers.counted().get(500, 0) <= 1, server.output[-3000:]
    assert_nothing_is_lost(server, network_database)


def test_sessions_killed_between_requests_that_come_at_once(site, network_database):
    server = site()
    count_100(server)
    network_database.kill_all()
    network_database.wait_for_sessions(0)
    answers = ask(server, ["/count/"] * 50, concurrency=20)
    # Each of those that were sent before the first error came back may fail.
    assert answers.counted().get(500, 0) <= WORKERS, server.output[-3000:]
    assert_nothing_is_lost(server, network_database)


def test_session_killed_in_a_query(site, network_database):
    server = site()
    answers = []
    thread = run_beside(lambda: answers.append(ask(server, ["/long/?seconds=60"] * 2)))
    network_database.wait_for_sleeping(2)
    network_database.kill_all()
    thread.join(30)
    assert [found.counted() for found in answers] == [{500: 2}], server.output[-3000:]
    assert_nothing_is_lost(server, network_database)


def test_client_gone_in_a_query(site, network_database):
    server = site()
    threads = [run_beside(aborted, server, "/long/?seconds=1.5", 0.5) for _ in range(WORKERS)]
    for thread in threads:
        thread.join()
    # Their workers are not lent again before the queries have ended.
    assert_nothing_is_lost(server, network_database)


def test_cancelled_in_the_queue(site, network_database):
    server = site()
    long = [run_beside(ask, server, ["/long/?seconds=2"]) for _ in range(WORKERS)]
    time.sleep(0.7)
    threads = [run_beside(aborted, server, "/count/", 0.3) for _ in range(10)]
    for thread in [*threads, *long]:
        thread.join()
    assert_nothing_is_lost(server, network_database)


@pytest.mark.parametrize("when", ["started", "finished"])
def test_receiver_that_breaks(site, network_database, when):
    server = site(**RECEIVERS)
    for _ in range(WORKERS + 2):
        ask(server, [f"/count/?break={when}"])
    assert f"broken receiver of request_{when}" in server.output
    assert_nothing_is_lost(server, network_database)


def test_transactions_left_open(site, network_database):
    server = site()
    targets = ["/open/", "/fail/", "/left/", "/begin/"] * 20
    assert ask(server, targets, concurrency=6).counted() == {200: 60, 500: 20}
    assert "inside a transaction" in server.output
    assert_nothing_is_lost(server, network_database)


def test_one_worker_with_nested_calls(site, network_database):
    server = site(ASYNCKIT_WORKERS=1)
    targets = ["/nested/", "/nested/async/", "/count/", "/straggle/?seconds=0.01"] * 25
    answers = ask(server, targets, concurrency=20)
    assert answers.counted() == {200: 100}, server.output[-3000:]
    assert_nothing_is_lost(server, network_database, workers=1)


def test_more_stragglers_than_workers(site, network_database):
    server = site()
    assert ask(server, ["/straggle/"] * 60, concurrency=60).counted() == {200: 60}
    assert json.loads(ask_one(server, "/outcomes/")) == {str(NOTES): 60}
    assert_nothing_is_lost(server, network_database)
