"""Transactions of async code on the databases that people have."""

from __future__ import annotations

import asyncio
import gc
import os
import time

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError, connection, connections
from django.test import override_settings

from django_asynckit.db import aatomic, agather, aon_commit, database_sync_to_async
from django_asynckit.workers import worker_lease
from django_asynckit.workers.context import POOL
from tests.databases.models import Note
from tests.db.cancelling import run_and_cancel
from tests.db.model import Model
from tests.workers.tools import until, until_idle

ROWS = 10


@pytest.fixture
def here(database, monkeypatch, django_db_blocker):
    """The database, used in this process."""
    yield from use(database, monkeypatch, django_db_blocker)


@pytest.fixture
def network(network_database, monkeypatch, django_db_blocker):
    yield from use(network_database, monkeypatch, django_db_blocker)


@pytest.fixture
def postgres(postgresql, monkeypatch, django_db_blocker):
    yield from use(postgresql, monkeypatch, django_db_blocker)


def use(database, monkeypatch, blocker):
    POOL.shut_down(5)
    options = {"timeout": 30} if database.vendor == "sqlite" else {}
    settings = {**connections.settings["default"], **database.settings, "OPTIONS": options}
    monkeypatch.setitem(connections.settings, "default", {**settings, "CONN_MAX_AGE": None})
    with blocker.unblock():
        yield database
        POOL.shut_down(5)
        # Other tests count all rows.
        connection = connections.create_connection("default")
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM databases_note WHERE tenant = 'tx'")
        connection.close()


async def add(*texts):
    for text in texts:
        await Note.objects.acreate(tenant="tx", text=text)


async def texts():
    """Return what is committed, as another request sees it."""

    async def read():
        async with worker_lease():
            notes = Note.objects.filter(tenant="tx").order_by("pk")
            return [text async for text in notes.values_list("text", flat=True)]

    return await asyncio.create_task(read())


@database_sync_to_async
def execute(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else None


async def test_commit_rollback_and_savepoints(here):
    called = []
    async with worker_lease():
        async with aatomic():
            await add("a")
            with pytest.raises(ValueError, match="wrong"):
                async with aatomic():
                    await aon_commit(lambda: called.append("inner"))
                    await add("b")
                    raise ValueError("wrong")
            async with aatomic():
                await add("c")
            await aon_commit(lambda: called.append("outer"))
            assert await texts() == []
        assert called == ["outer"]
        with pytest.raises(ValueError, match="wrong"):
            async with aatomic(durable=True):
                await add("d")
                raise ValueError("wrong")
        assert await texts() == ["a", "c"]
    await until_idle()


async def test_a_write_of_a_sibling_survives_the_rollback(here):
    async def sibling():
        await opened.wait()
        await add("b")

    opened = asyncio.Event()
    async with worker_lease():
        task = asyncio.create_task(sibling())
        with pytest.raises(ValueError, match="wrong"):
            async with aatomic():
                if here.vendor != "sqlite":  # There the second writer waits for the first.
                    await add("a")
                opened.set()
                await task
                await add("c")
                raise ValueError("wrong")
        assert await texts() == ["b"]
    await until_idle()


async def test_a_cancellation_at_each_await_leaves_all_or_nothing(here):
    async def work():
        async with aatomic():
            await add("a")
            async with aatomic():
                await add("b")
            [note.text async for note in Note.objects.filter(tenant="tx").aiterator(chunk_size=1)]

    number, has_ended = 0, False
    async with worker_lease():
        while not has_ended:
            was_cancelled, awaits = await run_and_cancel(work(), number, number % 3)
            written = await texts()
            assert written in ([], ["a", "b"])
            assert written or was_cancelled
            assert not await sync_to_async(lambda: connection.in_atomic_block)()
            await Note.objects.filter(tenant="tx").adelete()
            has_ended, number = number > awaits, number + 1
    gc.collect()  # The errors have their frames, and these the iterators.
    await until_idle()


async def test_two_requests_lock_a_row_one_after_the_other(network):
    async def request(name):
        async with worker_lease(), aatomic():
            note = await Note.objects.select_for_update().aget(tenant="tx")
            order.append(f"{name} has it")
            locked.set()
            if name == "first":
                await waits.wait()
                order.append("first goes")
            note.text += name
            await note.asave()

    order, locked, waits = [], asyncio.Event(), asyncio.Event()
    async with worker_lease():
        await add("")
    first = asyncio.create_task(request("first"))
    await locked.wait()
    second = asyncio.create_task(request("second"))
    # It is in the database, or will be: it cannot have the row before the first one goes.
    await until(lambda: POOL.statistics().running == 1)
    waits.set()
    await asyncio.gather(first, second)
    assert order == ["first has it", "first goes", "second has it"]
    assert await texts() == ["firstsecond"]
    await until_idle()


async def test_a_deadlock_is_djangos_error(network):
    async def request(mine, other):
        async with worker_lease(), aatomic():
            await Note.objects.filter(tenant="tx", text=mine).aupdate(text=mine)
            await barrier.wait()
            await Note.objects.filter(tenant="tx", text=other).aupdate(text=other)

    barrier = asyncio.Barrier(2)
    async with worker_lease():
        await add("a", "b")
        if network.vendor == "mysql":
            # Without an index on the text, an update locks all rows that it reads.
            await execute("CREATE INDEX by_text ON databases_note (tenant, text)")
        results = await asyncio.gather(request("a", "b"), request("b", "a"), return_exceptions=True)
        if network.vendor == "mysql":
            await execute("DROP INDEX by_text ON databases_note")
    assert sorted(type(one).__name__ for one in results) == ["NoneType", "OperationalError"]
    await until_idle()


async def test_a_serialisation_failure_is_djangos_error(postgres):
    async with worker_lease():
        await add("a")
        with pytest.raises(OperationalError, match="could not serialize"):
            async with aatomic():
                await execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                await Note.objects.filter(tenant="tx").acount()
                await database_sync_to_async(rename, own_connection=True)("b")
                await Note.objects.filter(tenant="tx").aupdate(text="c")
        assert await texts() == ["b"]
    await until_idle()


def rename(text):
    Note.objects.filter(tenant="tx").update(text=text)


def carry(source, target):
    with target.cursor() as cursor:
        cursor.execute("SELECT set_config('app.tenant', %s, false)", [source.tenant])
    target.tenant = source.tenant


@override_settings(ASYNCKIT_CARRY_CONNECTION_STATE=f"{__name__}.carry")
async def test_the_tenant_of_the_request_holds_inside_and_beside(postgres):
    tenant = "SELECT current_setting('app.tenant', true)"

    def set_tenant():
        connection.tenant = "t1"
        with connection.cursor() as cursor:
            cursor.execute("SET app.tenant = 't1'")
            cursor.execute("SET search_path = pg_catalog")

    async with worker_lease():
        await sync_to_async(set_tenant)()
        async with aatomic():
            assert await execute(tenant) == [("t1",)]
            assert await execute("SHOW search_path") == [("pg_catalog",)]
            beside = database_sync_to_async(execute.func, own_connection=True)
            assert await beside(tenant) == [("t1",)]
            # What the hook does not carry is not there.
            assert await beside("SHOW search_path") != [("pg_catalog",)]
        assert await agather(execute(tenant), execute(tenant)) == ([("t1",)], [("t1",)])
    async with worker_lease():
        assert (await execute(tenant))[0][0] != "t1"
    await until_idle()


async def test_an_iterator_inside_has_a_cursor_on_the_server(postgres):
    async with worker_lease():
        await add(*"abcde")
        found = []
        async with aatomic():
            async for note in Note.objects.filter(tenant="tx").order_by("pk").aiterator(2):
                if not found:
                    ((cursors,),) = await execute("SELECT count(*) FROM pg_cursors")
                    assert cursors == 1
                found.append(note.text)
        assert found == list("abcde")
    await until_idle()


async def test_a_connection_that_breaks_inside_is_an_error_and_then_replaced(network):
    async with worker_lease():
        await add("a")
        with pytest.raises(Exception, match=r"connection|gone away|Lost|terminat"):
            async with aatomic():
                await add("b")
                await sync_to_async(network.kill_all, thread_sensitive=False)()
                await add("c")
        async with aatomic():
            await add("d")
        assert await texts() == ["a", "d"]
    await until_idle()


async def test_what_must_be_there_is_there_and_nothing_else(here):
    """To hunt for more: ``TESTS_MODEL_STEPS=10000``."""
    steps = int(os.environ.get("TESTS_MODEL_STEPS", "120"))
    model = Model(add, seed=time.time_ns())
    await model.run(steps, at_once=6)
    found = await texts()
    assert len(found) == len(set(found))
    assert set(found) - model.unknown == model.committed
    await until_idle()
