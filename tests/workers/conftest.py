"""Each test begins without workers, and must leave nothing behind."""

from __future__ import annotations

import gc
from time import monotonic, sleep

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connections

from django_asynckit.workers import register
from django_asynckit.workers.context import POOL
from tests.workers.tools import alive, is_idle


@pytest.fixture(autouse=True)
def pool():
    POOL.shut_down(5)
    yield POOL
    try:
        check_that_nothing_is_left()
    finally:
        POOL.__init__()  # A test that has failed may still hold a lease.


@pytest.fixture(autouse=True)
def _calls_are_short(monkeypatch):
    """Let a call count as a short one for so long that a busy machine makes no difference."""
    monkeypatch.setattr(register, "SHORT", 20.0)


def check_that_nothing_is_left():
    end = monotonic() + 30
    gc.collect()
    while not is_idle() and monotonic() < end:
        sleep(0.01)
        gc.collect()
    POOL.shut_down(5)
    register = POOL._register
    assert (len(register.running), register.closing) == (0, 0)
    assert not any(map(len, (register.resting, register.lendable, register.idle, POOL._waiting)))
    while alive() and monotonic() < end:
        sleep(0.01)  # Who is not reused ends by itself.
    assert [one.name for one in alive()] == []


@pytest.fixture
def database(tmp_path, monkeypatch, django_db_blocker):
    """A database in a file, with one table. Yields the settings of its connections."""
    settings = connections.settings["default"]
    monkeypatch.setitem(settings, "NAME", str(tmp_path / "db.sqlite3"))
    with django_db_blocker.unblock():
        connection = connections.create_connection("default")
        with connection.schema_editor() as editor:
            editor.create_model(ContentType)
        connection.close()
        yield settings
        POOL.shut_down(5)


@pytest.fixture
def kept(database, monkeypatch):
    """The same, with connections that are kept between requests."""
    monkeypatch.setitem(database, "CONN_MAX_AGE", None)
    return database


@pytest.fixture
def long_recent(monkeypatch):
    """Let a lease count for so long after its last call that a busy machine makes no difference."""
    monkeypatch.setattr(register, "RECENT", 20.0)
    return 15.0
