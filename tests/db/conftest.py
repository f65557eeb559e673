"""Each test begins without workers, with a database in a file, and must leave nothing behind."""

from __future__ import annotations

import gc
from time import monotonic, sleep

import pytest

from django_asynckit.workers.routes import POOL
from tests.workers.conftest import database, kept
from tests.workers.tools import alive, is_idle

__all__ = ["database", "kept"]


@pytest.fixture(autouse=True)
def fast_database(request, monkeypatch):
    """Write without waiting for the disk."""
    if "database" in request.fixturenames:
        settings = request.getfixturevalue("database")
        monkeypatch.setitem(settings, "OPTIONS", {"init_command": "PRAGMA synchronous=OFF"})


@pytest.fixture(autouse=True)
def pool():
    POOL.shut_down(5)
    yield POOL
    try:
        check_that_nothing_is_left()
    finally:
        POOL.__init__()  # A test that has failed may still hold a lease.


def check_that_nothing_is_left():
    end = monotonic() + 10
    while not is_idle() and monotonic() < end:
        gc.collect()  # Takes a while, so only where it is needed.
        sleep(0.01)
    POOL.shut_down(5)
    register = POOL._register
    assert (register.busy, register.closing) == (0, 0)
    assert not any(map(len, (register.resting, register.lendable, register.idle, POOL._waiting)))
    while alive() and monotonic() < end:
        sleep(0.01)  # Who is not reused ends by itself.
    assert [one.name for one in alive()] == []
