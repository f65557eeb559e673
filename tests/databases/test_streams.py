"""A stream keeps no worker and no connection while it waits, unless something of it is open there."""

from __future__ import annotations

import concurrent.futures
import json
import threading
import time

import pytest

from tests.databases.client import ask, ask_one
from tests.databases.servers import NOTES
from tests.databases.test_faults import aborted, assert_nothing_is_lost

STREAMS = 12


def while_streaming(server, target: str, look):
    """Begin streams, and return what ``look()`` gives in the middle of them."""
    answers = []
    targets = [target] * STREAMS
    thread = threading.Thread(
        target=lambda: answers.append(ask(server, targets, concurrency=STREAMS)), daemon=True
    )
    thread.start()
    time.sleep(2)
    seen = look()
    thread.join(30)
    assert answers[0].counted() == {200: STREAMS}, server.output[-3000:]
    return seen, answers[0].bodies


@pytest.mark.parametrize(("hold", "kept"), [("auto", 0), ("call", 0), ("request", STREAMS)])
def test_stream_that_has_queried(postgresql, start_only_site, hold, kept):
    server = start_only_site(postgresql, {"ASYNCKIT_WORKER_HOLD": hold, "ASYNCKIT_WORKERS": 4})
    sessions, bodies = while_streaming(server, "/stream/?seconds=4", postgresql.sessions)
    assert bodies == [f"{NOTES}\nend\n"] * STREAMS
    assert len(sessions) == kept
    assert json.loads(ask_one(server, "/state/"))["leased"] == 0


def test_stream_of_rows_keeps_its_cursor(postgresql, start_only_site):
    server = start_only_site(postgresql, {"ASYNCKIT_WORKERS": 4})
    sessions, bodies = while_streaming(server, "/stream/rows/?seconds=0.3", postgresql.sessions)
    assert [len(body.split()) for body in bodies] == [NOTES] * STREAMS
    assert len(sessions) == STREAMS
    assert postgresql.wait_for_sessions(0) == []
    assert json.loads(ask_one(server, "/state/"))["leased"] == 0


def test_released_worker_is_free_for_others(postgresql, start_only_site):
    server = start_only_site(postgresql, {"ASYNCKIT_WORKER_HOLD": "request", "ASYNCKIT_WORKERS": 4})
    sessions, bodies = while_streaming(server, "/release/?seconds=4", postgresql.sessions)
    assert bodies == [str(NOTES)] * STREAMS
    assert sessions == []


@pytest.mark.parametrize("age", [0, None], ids=["new", "persistent"])
def test_clients_that_leave_streams_of_rows(network_database, start_only_site, age):
    """Nobody closes a cursor on the event loop, where it would meet the worker on one connection."""
    server = start_only_site(network_database, {"ASYNCKIT_WORKERS": 4}, CONN_MAX_AGE=age)
    with concurrent.futures.ThreadPoolExecutor(8) as clients:
        for number in range(200):
            seconds = number % 10 / 200
            clients.submit(aborted, server, "/stream/rows/?seconds=0.01", seconds)
    answers = ask(server, ["/count/"] * 50)
    assert answers.counted() == {200: 50}, server.output[-3000:]
    assert_nothing_is_lost(server, network_database, 4)
    assert "Exception ignored" not in server.output
    assert "Traceback" not in server.output
