"""What a request leaves on a connection is gone at its end, and keeps its worker from being lent."""

from __future__ import annotations

import asyncio
import gc
import logging

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.cache import caches
from django.core.management import call_command
from django.core.signals import request_finished, request_started
from django.db import (
    IntegrityError,
    close_old_connections,
    connection,
    connections,
    reset_queries,
)
from django.db.backends.signals import connection_created
from django.db.backends.sqlite3.base import DatabaseWrapper
from django.test import override_settings
from django.utils.connection import ConnectionDoesNotExist

from django_asynckit.workers import connections as module
from django_asynckit.workers import keeps_no_connection_state, statistics, worker_lease
from django_asynckit.workers.context import POOL
from tests.workers.tools import clean_thread, driver, hop, thread, until, until_idle


def wrapper(execute, sql, params, many, context):
    return execute(sql, params, many, context)


def add_wrapper():
    connection.execute_wrappers.append(wrapper)


def force_log():
    connection.force_debug_cursor = True


def add_attribute():
    connection._djdt_logger = "a panel of the first request"


def patch_cursor():
    original = connection.cursor
    connection.cursor = lambda *args, **kwargs: original(*args, **kwargs)


def patch_connect():
    original = connection.connect
    connection.connect = lambda: original()


def raw_sql():
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def raw_chunked():
    with connection.chunked_cursor() as cursor:
        cursor.execute("SELECT 1")


def on_commit_left():
    connection.run_on_commit.append(([], print, True))


def replace():
    connections["default"] = connections.create_connection("default")


def delete():
    del connections["default"]


def share():
    connection.inc_thread_sharing()


def autocommit_off():
    connection.set_autocommit(False)


LEFT = [
    add_wrapper,
    force_log,
    add_attribute,
    patch_cursor,
    patch_connect,
    raw_sql,
    raw_chunked,
    on_commit_left,
    replace,
    delete,
]


#: Those that only raw SQL tells.
RAW = [raw_sql, raw_chunked]


def state():
    """All of a wrapper that a request can set, by Django's own names."""
    values = vars(connections["default"])
    return {
        "names": set(values),
        "execute_wrappers": list(connection.execute_wrappers),
        "force_debug_cursor": connection.force_debug_cursor,
        "queries": len(connection.queries_log),
        "run_on_commit": list(connection.run_on_commit),
        "shared": connection.allow_thread_sharing,
        "autocommit": connection.get_autocommit(),
        "transaction": connection.in_atomic_block,
    }


@pytest.mark.parametrize("leave", [*LEFT, share, autocommit_off], ids=lambda one: one.__name__)
async def test_a_request_leaves_nothing(kept, leave):
    async with worker_lease():
        await ContentType.objects.acount()
        before = await hop(state)
        worker = next(iter(POOL.workers()))
        await hop(leave)
        await ContentType.objects.acount()
    await until_idle()
    async with worker_lease():
        await ContentType.objects.acount()
        assert await hop(state) == before
    assert POOL.workers() == [worker]


@pytest.mark.parametrize(
    "leave", [one for one in LEFT if one not in RAW], ids=lambda one: one.__name__
)
async def test_a_worker_with_something_on_it_is_not_lent(kept, leave):
    """Even if the function that left it says that it does not; raw SQL is its own affair."""
    declared = keeps_no_connection_state(lambda: leave())
    with override_settings(ASYNCKIT_WORKERS=1):
        async with worker_lease():
            await ContentType.objects.acount()
            await hop(declared)
            async with worker_lease():
                await hop(declared)
            assert statistics().resting == 1


@pytest.mark.parametrize("run_sql", RAW, ids=lambda one: one.__name__)
async def test_raw_sql_of_a_declared_function_is_not_looked_at(kept, run_sql):
    declared = keeps_no_connection_state(lambda: run_sql())
    with override_settings(ASYNCKIT_WORKERS=1):
        async with worker_lease():
            await hop(declared)
            async with worker_lease():
                await hop(declared)
            assert statistics().resting == 0


@override_settings(ASYNCKIT_WORKERS=1)
async def test_djangos_own_methods_leave_nothing(kept, monkeypatch):
    async with worker_lease():
        one = await ContentType.objects.acreate(app_label="app", model="first")
        await ContentType.objects.abulk_create([ContentType(app_label="app", model="second")])
        one.model = "changed"
        await one.asave()
        assert await ContentType.objects.filter(model="changed").aexists()
        assert [x async for x in ContentType.objects.all()]
        await ContentType.objects.filter(model="second").aupdate(model="third")
        with pytest.raises(IntegrityError):
            await ContentType.objects.abulk_create([ContentType(pk=7), ContentType(pk=7)])
        async with worker_lease():
            await ContentType.objects.acount()
        await until_idle()


@override_settings(
    ASYNCKIT_WORKERS=1,
    CACHES={
        "default": {
            "BACKEND": "django.core.cache.backends.db.DatabaseCache",
            "LOCATION": "cache_table",
        }
    },
)
async def test_a_cache_in_the_database_leaves_nothing(kept):
    def create():
        call_command("createcachetable", verbosity=0)

    async with worker_lease():
        await hop(create)
    await until_idle()
    async with worker_lease():
        await caches["default"].aset("key", "value")
        assert await caches["default"].aget("key") == "value"
        async with worker_lease():
            await ContentType.objects.acount()
        await until_idle()


@override_settings(DEBUG=True)
async def test_the_log_of_queries_is_a_requests_own(kept):
    def logged():
        return len(connection.queries)

    for _ in range(2):
        async with worker_lease():
            await ContentType.objects.acount()
            await ContentType.objects.acount()
            assert await hop(logged) == 2
        await until_idle()
    with override_settings(ASYNCKIT_WORKERS=1):
        async with worker_lease():
            await ContentType.objects.acount()
            async with worker_lease():
                await ContentType.objects.acount()
            assert statistics().resting == 1


async def test_what_receivers_of_connection_created_add_stays(kept):
    created = []

    def receiver(connection, **_):
        created.append(connection)
        connection.execute_wrappers.append(wrapper)
        connection.tenant = "mine"
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA user_version")

    def look():
        return connection.execute_wrappers, connection.tenant

    connection_created.connect(receiver)
    try:
        with override_settings(ASYNCKIT_WORKERS=1):
            for _ in range(2):
                async with worker_lease():
                    await ContentType.objects.acount()
                    assert await hop(look) == ([wrapper], "mine")
                await until_idle()
            async with worker_lease():
                await ContentType.objects.acount()
                async with worker_lease():
                    await ContentType.objects.acount()
                await until_idle()
    finally:
        connection_created.disconnect(receiver)
    assert len(created) == 1


async def test_receivers_of_django_that_are_disconnected_stay_so(kept):
    def use():
        connection.queries_log.append("a query")
        connection.close_at = 0

    def look():
        return list(connection.queries_log), driver() is not None

    request_started.disconnect(reset_queries)
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    try:
        async with worker_lease():
            await ContentType.objects.acount()
            await hop(use)
        await until_idle()
        async with worker_lease():
            assert await hop(look) == ([], True)
    finally:
        request_started.connect(reset_queries)
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)
    await until_idle()
    async with worker_lease():
        assert await hop(look) == ([], False)


@pytest.mark.parametrize("django_closes", [True, False])
@override_settings(ASYNCKIT_WORKERS=1)
async def test_a_worker_that_is_lent_closes_an_old_connection_if_django_would(kept, django_closes):
    @keeps_no_connection_state
    def grow_old():
        connection.close_at = 0

    @keeps_no_connection_state
    def is_open():
        return driver() is not None

    if not django_closes:
        request_started.disconnect(close_old_connections)
    try:
        async with worker_lease():
            await ContentType.objects.acount()
            await hop(grow_old)
            async with worker_lease():
                assert await hop(is_open) is not django_closes
    finally:
        request_started.connect(close_old_connections)


class OfATenant(DatabaseWrapper):
    """What django-tenants and its like make of Django's class."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.schema_name = "public"


async def test_what_a_class_of_the_user_s_adds_is_as_it_was_for_the_next_request(kept, monkeypatch):
    @keeps_no_connection_state
    def set_schema():
        connection.schema_name = "ada"

    @keeps_no_connection_state
    def schema():
        return connection.schema_name, driver() is not None

    def create(alias):
        return OfATenant(connections.settings[alias], alias)

    monkeypatch.setattr(connections, "create_connection", create)
    async with worker_lease():
        await ContentType.objects.acount()
        assert await hop(schema) == ("public", True)
    await until_idle()
    async with worker_lease():
        assert await hop(schema) == ("public", True)
        await hop(set_schema)
        assert await hop(schema) == ("ada", True)
    await until_idle()
    async with worker_lease():
        assert await hop(schema) == ("public", False)
        # What is set before the first query connects is no more the connection's own.
        await hop(set_schema)
        await ContentType.objects.acount()
    await until_idle()
    async with worker_lease():
        assert await hop(schema) == ("public", False)


@override_settings(ASYNCKIT_WORKERS=1)
async def test_a_worker_is_not_lent_with_what_a_class_of_the_user_s_adds(kept, monkeypatch):
    @keeps_no_connection_state
    def set_schema():
        connection.schema_name = "ada"

    def create(alias):
        return OfATenant(connections.settings[alias], alias)

    monkeypatch.setattr(connections, "create_connection", create)
    async with worker_lease():
        await hop(set_schema)
        await ContentType.objects.acount()
        async with worker_lease():
            assert await hop(lambda: connection.schema_name) == "public"


class Chunked(DatabaseWrapper):
    """Notes in which thread a cursor is closed that fetches in chunks."""

    closed_in: list[str] = []

    def chunked_cursor(self):
        wrapped = super().chunked_cursor()
        wrapped.cursor = Noting(wrapped.cursor)
        return wrapped


class Noting:
    def __init__(self, cursor):
        self.cursor = cursor

    def __getattr__(self, name):
        return getattr(self.cursor, name)

    def close(self):
        Chunked.closed_in.append(thread())
        self.cursor.close()


@pytest.fixture
def chunked(kept, monkeypatch):
    """Connections of that class, persistent."""

    def create(alias):
        return Chunked(connections.settings[alias], alias)

    monkeypatch.setattr(connections, "create_connection", create)
    Chunked.closed_in.clear()
    return Chunked.closed_in


async def worker_with_rows():
    rows = [ContentType(app_label="a", model=str(number)) for number in range(3)]
    await ContentType.objects.abulk_create(rows)
    return await hop(clean_thread)


async def leave_an_iterator():
    async for _ in ContentType.objects.order_by("pk").aiterator(chunk_size=1):
        await asyncio.sleep(0.02)  # The worker has forgotten it by then.
        break


async def test_a_worker_closes_the_cursor_of_an_iterator_that_was_left(chunked):
    async with worker_lease():
        name = await worker_with_rows()
        for _ in range(3):
            await leave_an_iterator()
        gc.collect()
        await until(lambda: len(chunked) == 3)
        assert chunked == [name] * 3
    await until_idle()
    async with worker_lease():
        assert await ContentType.objects.acount() == 3
        assert await hop(clean_thread) == name


async def test_it_closes_cursors_at_the_end_of_the_request_at_the_latest(chunked):
    def open_cursor():
        cursor = connection.chunked_cursor()
        cursor.execute("SELECT model FROM django_content_type")
        return cursor

    async with worker_lease():
        name = await worker_with_rows()
        cursor = await hop(open_cursor)
        await ContentType.objects.acount()
    await until_idle()
    assert chunked == [name]
    cursor.close()  # On the event loop, and too late to matter.
    async with worker_lease():
        assert await ContentType.objects.acount() == 3
    assert chunked == [name]


async def test_a_cursor_that_is_read_to_its_end_is_closed_once(chunked):
    async with worker_lease():
        name = await worker_with_rows()
        found = [one async for one in ContentType.objects.aiterator(chunk_size=2)]
    assert len(found) == 3
    assert chunked == [name]
    await until_idle()


async def test_a_cursor_of_a_class_that_is_not_djangos_stays_as_it_is(kept, monkeypatch):
    class Own(DatabaseWrapper):
        def chunked_cursor(self):
            return Noting(super().chunked_cursor())

    monkeypatch.setattr(
        connections, "create_connection", lambda alias: Own(connections.settings[alias], alias)
    )
    async with worker_lease():
        await worker_with_rows()
        assert type(await hop(lambda: connection.chunked_cursor())) is Noting
        assert len([one async for one in ContentType.objects.aiterator(chunk_size=2)]) == 3
    await until_idle()


def die(alias="default"):
    """What a driver shows of a server that is gone; SQLite has none."""
    connections[alias].is_usable = lambda: False


def survive():
    connections["default"].is_usable = lambda: True


def broken():
    connection.errors_occurred = True


def is_connected():
    return driver() is not None


def has_errors():
    return connection.errors_occurred


async def test_a_connection_that_an_error_has_broken_is_closed_at_once(kept):
    async with worker_lease():
        await ContentType.objects.acount()
        await hop(die)
        assert await hop(is_connected)
        await hop(broken)
        assert not await hop(is_connected)
        await ContentType.objects.acount()


@pytest.mark.parametrize("who", ["own", "other"])
async def test_a_dead_connection_is_not_renewed_without_what_the_request_set(kept, who):
    """As on stock Django, its queries fail to the end of the request."""

    def set_something():
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA user_version")

    async def dies():
        async with worker_lease():
            await ContentType.objects.acount()
            await hop(die)
            await hop(broken)

    async with worker_lease():
        await hop(set_something)
        await hop(die)
        await (hop(broken) if who == "own" else asyncio.create_task(dies()))
        assert await hop(is_connected)
    await until_idle()
    async with worker_lease():
        assert not await hop(is_connected)


async def test_an_error_that_breaks_nothing_is_looked_into_once(kept):
    asked = []

    def ask():
        connection.is_usable = lambda: asked.append(1) or True

    async with worker_lease():
        await ContentType.objects.acount()
        await hop(ask)
        await hop(broken)
        for _ in range(3):
            assert await hop(is_connected)
        assert not await hop(has_errors)
    assert asked == [1]


async def test_in_a_transaction_nobody_knows(kept):
    async with worker_lease():
        await ContentType.objects.acount()
        await hop(die)
        await hop(autocommit_off)
        await hop(broken)
        assert await hop(is_connected)
        assert await hop(has_errors)


async def test_a_check_that_fails_itself_means_dead(kept):
    def die_hard():
        def is_usable():
            raise ValueError("nobody knows")

        connection.is_usable = is_usable
        connection.errors_occurred = True

    async with worker_lease():
        await ContentType.objects.acount()
        await hop(die_hard)
        assert not await hop(is_connected)


@pytest.mark.parametrize("is_dead", [True, False])
async def test_if_one_connection_died_the_others_are_looked_at(kept, is_dead):
    async with worker_lease():
        await ContentType.objects.acount()
        # Before the next call, of the same request too.
        await hop(die if is_dead else survive)
        module._deaths["default"] = module._deaths.get("default", 0) + 1
        assert await hop(is_connected) is not is_dead
        assert await hop(is_connected) is not is_dead


async def test_a_death_of_another_alias_means_nothing(kept):
    async with worker_lease():
        await ContentType.objects.acount()
        await hop(die)
        module._deaths["other"] = module._deaths.get("other", 0) + 1
        assert await hop(is_connected)


async def test_an_alias_with_wrong_settings_fails_where_it_is_used(kept, monkeypatch):
    wrong = {**kept, "ENGINE": "tests.no_such_backend"}
    monkeypatch.setitem(connections.settings, "wrong", wrong)
    async with worker_lease():
        assert await ContentType.objects.acount() == 0
        with pytest.raises(Exception, match="no_such_backend"):
            await hop(lambda: connections["wrong"])


async def test_wrong_databases_are_an_error_not_a_hang(monkeypatch):
    class Wrong(dict):
        def __iter__(self):
            raise ValueError("wrong settings")

    monkeypatch.setattr(connections, "settings", Wrong())
    async with worker_lease():
        with pytest.raises(ValueError, match="wrong settings"):
            await hop(connections.all)


async def test_settings_that_change_are_seen_by_the_next_request(kept, monkeypatch):
    monkeypatch.setitem(connections.settings, "other", dict(kept))
    async with worker_lease():
        await hop(lambda: connections["other"])
    await until_idle()
    changed = dict(connections.settings["default"])
    monkeypatch.setitem(connections.settings, "default", changed)
    monkeypatch.delitem(connections.settings, "other")
    async with worker_lease():
        assert await hop(lambda: connections["default"].settings_dict) is changed
        with pytest.raises(ConnectionDoesNotExist):
            await hop(lambda: connections["other"])


async def test_an_error_at_the_end_drops_the_connections(kept, caplog):
    def fail():
        def close():
            raise ValueError("cannot be closed")

        connection.close_if_unusable_or_obsolete = close

    async with worker_lease():
        await ContentType.objects.acount()
        first = await hop(lambda: id(connections["default"]))
        await hop(fail)
    await until_idle()
    (record,) = caplog.records
    assert (record.levelno, "could not be closed" in record.getMessage()) == (logging.ERROR, True)
    async with worker_lease():
        assert await ContentType.objects.acount() == 0
        assert await hop(lambda: id(connections["default"])) != first


async def test_a_replaced_connection_is_closed_when_its_worker_ends(kept):
    async with worker_lease():
        await ContentType.objects.acount()
        await hop(delete)
        await asyncio.to_thread(POOL.shut_down, 0.01)
