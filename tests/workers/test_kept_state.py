"""What the pool knows of a worker: who may have it next, as it is, and what must be done before."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.contenttypes.models import ContentType
from django.core.cache import caches
from django.core.cache.backends.locmem import LocMemCache
from django.db import connection
from django.db.backends.signals import connection_created
from django.db.backends.sqlite3.base import DatabaseWrapper
from django.test import override_settings
from django.urls import path

from django_asynckit.db import aatomic, agather, database_sync_to_async
from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.workers import (
    keeps_no_connection_state,
    release_worker,
    statistics,
    worker_lease,
)
from django_asynckit.workers.register import RECENT
from tests.db.cancelling import Left
from tests.driver import scope_for
from tests.workers.tools import (
    Gate,
    busy,
    clean_thread,
    driver,
    hop,
    thread,
    until,
    until_idle,
)


@keeps_no_connection_state
def clean_driver():
    return driver()


@keeps_no_connection_state
def clean_place():
    return thread(), driver()


async def count():
    return await ContentType.objects.acount()


async def leased(func=clean_thread, *args):
    async with worker_lease():
        return await hop(func, *args)


@override_settings(ASYNCKIT_WORKERS=1)
async def test_what_a_request_has_left_stays_with_it_also_after_calls_that_leave_nothing():
    async with worker_lease():
        mine = await hop()  # It may have set the tenant.
        for _ in range(2):
            assert await hop(clean_thread) == mine
        await asyncio.sleep(RECENT * 1.2)
        assert await asyncio.create_task(leased()) != mine
        assert await hop(clean_thread) == mine


async def test_a_connection_that_got_too_old_is_not_used_by_the_next_request(kept, monkeypatch):
    """Also where nothing was left, so that the worker was not woken at the end of the first one."""
    monkeypatch.setitem(kept, "CONN_MAX_AGE", 0.05)
    async with worker_lease():
        assert await count() == 0
        first = await hop(clean_driver)
    assert statistics().idle == 1
    await asyncio.sleep(0.1)
    async with worker_lease():
        assert await count() == 0
        assert await hop(clean_driver) is not first
    await until_idle()


async def test_receivers_of_a_new_request_are_heeded_by_each_one(kept, monkeypatch):
    """``reset_queries``, for example, of which Django says that it comes with each request."""

    @keeps_no_connection_state
    def log():
        found = list(connection.queries_log)
        connection.queries_log.append("of this request")
        return found

    for _ in range(3):
        assert await leased(log) == []
        await until_idle()


@override_settings(ASYNCKIT_WORKERS=1, ASYNCKIT_WORKER_REUSE=False)
async def test_a_worker_that_is_being_closed_counts_as_long_as_it_has_its_connection(kept):
    def close_slowly(gate):
        connection.close_if_unusable_or_obsolete = gate

    with Gate() as gate:
        await leased(close_slowly, gate)
        await gate.wait_entered()
        following = asyncio.create_task(leased())
        await until(lambda: statistics().waiting == 1)
        await asyncio.sleep(RECENT * 1.2)
        assert not following.done()
        gate.open()
        await following
    await until_idle()


class ClosesInParallel(LocMemCache):
    """A cache that has something to do at the end of a request, and does it with ``agather``."""

    found = ()

    def close(self, **kwargs):
        type(self).found = thread(), *async_to_sync(agather)(hop(thread), hop(thread))


async def test_what_a_worker_closes_belongs_to_no_request():
    """It runs in the thread of the worker, also while the request has code that goes on."""

    async def go_on():
        await ended.wait()
        return await hop(thread)

    ended = asyncio.Event()
    backend = {"BACKEND": f"{__name__}.ClosesInParallel"}
    with override_settings(CACHES={"default": backend}):
        async with worker_lease():
            await hop(lambda: caches["default"].get("a"))
            task = asyncio.create_task(go_on())
        await until(lambda: ClosesInParallel.found)
        await until_idle()
        ended.set()
        await task
        await until_idle()
    assert len(set(ClosesInParallel.found)) == 1


UPLOAD = b"\r\n".join(
    [
        b"--boundary",
        b'Content-Disposition: form-data; name="file"; filename="a.txt"',
        b"",
        b"content",
        b"--boundary--",
        b"",
    ]
)


@override_settings(ASYNCKIT_WORKERS=1, ASYNCKIT_WORKER_WAIT_SECONDS=0.1, MIDDLEWARE=[])
async def test_uploaded_files_of_a_client_that_is_gone_are_closed_however_long_that_waits():
    async def view(request):
        files.append(await sync_to_async(lambda: request.FILES["file"])())
        release_worker()
        is_waiting.set()
        await asyncio.Event().wait()

    async def receive():
        return await messages.get()

    files, is_waiting, messages = [], asyncio.Event(), asyncio.Queue()
    messages.put_nowait({"type": "http.request", "body": UPLOAD})
    headers = {"content-type": "multipart/form-data; boundary=boundary"}
    scope = scope_for("/", "POST", {**headers, "content-length": str(len(UPLOAD))})
    with override_settings(ROOT_URLCONF=type("Urls", (), {"urlpatterns": [path("", view)]})):
        request = asyncio.create_task(ASGIHandler()(scope, receive, None))
        await is_waiting.wait()
        async with busy():
            messages.put_nowait({"type": "http.disconnect"})
            await until(lambda: statistics().waiting == 1)
            assert not request.done()
        await request
    assert files[0].closed
    await until_idle()


def carry(_source, target):
    with target.cursor() as cursor:
        cursor.execute("PRAGMA cache_size = 77")


@keeps_no_connection_state
def cache_size():
    with connection.cursor() as cursor:
        return cursor.execute("PRAGMA cache_size").fetchone()[0]


@override_settings(ASYNCKIT_CARRY_CONNECTION_STATE=f"{__name__}.carry")
async def test_what_a_hook_sets_is_gone_also_where_a_declared_function_ran_before(kept):
    usual = await leased(cache_size)
    for _ in range(2):
        async with worker_lease():
            assert await hop(cache_size) == usual
            assert await agather(hop(cache_size), hop(cache_size)) == (77, 77)
        await until_idle()
    barrier = threading.Barrier(3)

    def all_at_once():
        barrier.wait(10)
        return cache_size()

    found = await asyncio.gather(*(leased(all_at_once) for _ in range(3)))
    assert found == [usual] * 3
    assert statistics().workers == 3


@override_settings(ASYNCKIT_WORKERS=2)
async def test_a_dead_connection_is_not_lent_once_another_one_was_found_dead(kept, monkeypatch):
    """The server has restarted: each worker looks before the next request has its connection."""
    dead = []
    original = DatabaseWrapper.is_usable
    monkeypatch.setattr(
        DatabaseWrapper,
        "is_usable",
        lambda self: vars(self)["connection"] not in dead and original(self),
    )

    def fail():
        connection.errors_occurred = True

    async def find_out():
        async with worker_lease():
            await count()
            dead.append(await hop(driver))
            await hop(fail)
            await hop(gate)

    with Gate() as gate:
        async with worker_lease():
            await count()
            mine = await hop(clean_thread)
            dead.append(await hop(clean_driver))
            task = asyncio.create_task(find_out())
            await gate.wait_entered()
            async with worker_lease():
                name, found = await hop(clean_place)
                assert name == mine, "it was lent"
                assert found not in dead
                assert await count() == 0
            gate.open()
            await task
    await until_idle()


async def test_what_is_beside_a_block_is_given_back_when_the_request_ends(kept):
    """Although the block goes on, in a task that outlives the request."""

    async def block():
        async with aatomic():
            await count()
            is_open.set()
            await go_on.wait()
            assert await count() == 0

    is_open, go_on = asyncio.Event(), asyncio.Event()
    async with worker_lease():
        task = asyncio.create_task(block())
        await is_open.wait()
        await hop()
        assert statistics().workers == 2
    await until(lambda: statistics().idle == 1)
    go_on.set()
    await task
    await until_idle()


async def test_a_generator_that_is_closed_has_ended_its_block_when_that_returns(kept):
    """It may await; whoever closed it finds the connection free."""

    async def rows():
        async with aatomic():
            await ContentType.objects.acreate(app_label="app", model="row")
            yield

    async with worker_lease():
        mine = await hop()
        generator = rows()
        await anext(generator)
        await generator.aclose()
        assert await hop(lambda: (thread(), connection.in_atomic_block)) == (mine, False)
        assert statistics().workers == 1
        assert await count() == 0
    await until_idle()


@override_settings(ASYNCKIT_WORKERS=1)
async def test_what_cannot_be_compared_stays_with_its_request(kept):
    class Odd:
        """A wrapper of queries that cannot be compared with another one."""

        def __call__(self, execute, *args):
            return execute(*args)

        def __eq__(self, other):
            raise ValueError("nobody compares this")

        __hash__ = None

    @keeps_no_connection_state
    def add_odd():
        connection.execute_wrappers = [Odd()]

    connection_created.connect(adds_wrapper)
    try:
        async with worker_lease():
            await count()
            mine = await hop(clean_thread)
            with pytest.raises(ValueError, match="nobody compares this"):
                await hop(add_odd)
            await asyncio.sleep(RECENT * 1.2)
            async with worker_lease():
                assert await hop(clean_thread) != mine
                assert not await hop(
                    lambda: any(type(w) is Odd for w in connection.execute_wrappers)
                )
    finally:
        connection_created.disconnect(adds_wrapper)
    await until_idle()


def adds_wrapper(connection, **_):
    connection.execute_wrappers.append(passes_on)


def passes_on(execute, *args):
    return execute(*args)


async def test_a_task_that_outlives_a_request_without_a_worker_keeps_none(kept):
    async def outlive():
        await ended.wait()
        for _ in range(2):
            await hop()
            await until_idle()

    ended = asyncio.Event()
    async with worker_lease():
        task = asyncio.create_task(outlive())
    ended.set()
    await task


@override_settings(ASYNCKIT_WORKERS=1)
async def test_a_call_with_its_own_connection_never_runs_on_that_of_the_block_around_it(kept):
    """Above the limit if need be: the block would wait for it."""
    alone = database_sync_to_async(
        lambda: (thread(), connection.in_atomic_block), own_connection=True
    )
    async with worker_lease(), aatomic():
        mine = await hop()
        name, is_in_transaction = await alone()
        assert name != mine
        assert not is_in_transaction
    await until_idle()


async def test_a_worker_may_be_released_after_a_block_was_abandoned(kept):
    async def work():
        async with aatomic():
            await count()
            is_open.set()
            await asyncio.Event().wait()

    is_open = asyncio.Event()
    async with worker_lease():
        coroutine = work()
        task = asyncio.ensure_future(Left(coroutine))
        await is_open.wait()
        task.cancel()
        await asyncio.wait([task])
        coroutine.close()

        def is_released():
            with contextlib.suppress(RuntimeError):
                release_worker()
                return True

        await until(is_released, 5)
        await until(lambda: statistics().idle == 1)
    await until_idle()


@override_settings(ASYNCKIT_WORKERS=1)
async def test_a_connection_that_is_not_kept_passes_from_one_request_to_the_next_while_both_run(
    database,
):
    async with worker_lease():
        await count()
        first = await hop(clean_driver)
        await asyncio.sleep(RECENT * 1.2)
        async with worker_lease():
            await count()
            assert await hop(clean_driver) is first
    await until_idle()
    async with worker_lease():
        await count()
        assert await hop(clean_driver) is not first
    await until_idle()


async def test_a_copy_of_a_connection_is_one_of_djangos(kept):
    """As Django makes one for another database, and users do."""

    def copied():
        copy = connection.copy()
        try:
            with copy.cursor() as cursor:
                found = cursor.execute("SELECT 1").fetchone()
            return type(copy) is DatabaseWrapper, found
        finally:
            copy.close()

    async with worker_lease():
        assert await hop(copied) == (True, (1,))


async def test_a_connection_that_is_not_kept_is_closed_also_where_nothing_was_left(database):
    async with worker_lease():
        await count()
        raw = await hop(clean_driver)
        assert raw.total_changes == 0
    await until_idle()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        raw.total_changes  # noqa: B018
