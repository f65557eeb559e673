"""A worker keeps its connection to a cache server, too."""

from __future__ import annotations

import os
import time

import pytest

from tests.databases.client import ask
from tests.databases.servers import HOST

URL = os.environ.get("TESTS_REDIS", f"redis://{HOST}:6379/5")
WORKERS = 3
NAME = "asynckit-tests"


@pytest.fixture
def redis_server():
    redis = pytest.importorskip("redis", reason="redis is not installed")
    with redis.Redis.from_url(URL, socket_connect_timeout=5) as client:
        try:
            client.ping()
        except redis.ConnectionError as error:
            pytest.skip(f"there is no Redis: {error}")
        yield client


def clients_of_site(redis_server) -> list:
    return [client for client in redis_server.client_list() if client["name"] == NAME]


def test_workers_keep_their_redis_connections(sqlite, start_site, redis_server):
    """Django makes a new client, and so a new connection, in each context."""
    settings = {
        "ASYNCKIT_WORKERS": WORKERS,
        "CACHES": {
            "default": {
                "BACKEND": "django.core.cache.backends.redis.RedisCache",
                "LOCATION": URL,
                "OPTIONS": {"client_name": NAME},
            }
        },
    }
    server = start_site(sqlite, settings)
    ask(server, ["/cache/"])  # The first one imports the driver, so it is no short call.
    before = redis_server.info("stats")["total_connections_received"]
    answers = ask(server, ["/cache/"] * 200, concurrency=20)
    assert answers.counted() == {200: 200}, server.output[-3000:]
    assert set(answers.bodies) == {"value"}
    until = time.monotonic() + 10
    # Where the machine is busy there are more for a while.
    while len(mine := clients_of_site(redis_server)) > WORKERS and time.monotonic() < until:
        time.sleep(0.05)
    assert 1 <= len(mine) <= WORKERS
    # Others may use this Redis, too.
    opened = redis_server.info("stats")["total_connections_received"] - before
    assert opened < 100
    server.stop()
    until = time.monotonic() + 5
    while time.monotonic() < until and clients_of_site(redis_server):
        time.sleep(0.05)
    assert not clients_of_site(redis_server)
