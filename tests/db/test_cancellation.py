"""A cancellation at any await leaves no transaction open, no worker leased, and no half of a block."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import override_settings

from django_asynckit.db import aatomic, aon_commit, database_sync_to_async
from django_asynckit.workers import statistics, worker_lease
from tests.db.cancelling import run_and_cancel
from tests.db.tools import add, add_sync, clear, names, no_lease, place
from tests.workers.tools import Gate, busy, hop, until, until_idle

pytestmark = pytest.mark.usefixtures("kept")


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("ticks", [0, 2])
@pytest.mark.parametrize("surroundings", [worker_lease, no_lease], ids=["worker", "script"])
async def test_at_each_await_all_of_a_block_is_written_or_nothing(surroundings, ticks, times):
    async def work():
        async with aatomic():
            await add("a")
            await aon_commit(lambda: called.append("a"))
            async with aatomic():
                await add("b")
            await add("c")

    number, has_ended = 0, False
    async with surroundings():
        while not has_ended:
            called = []
            was_cancelled, awaits = await run_and_cancel(work(), number, ticks, times)
            assert (await place())[1] is False
            written = await names()
            assert written in (set(), {"a", "b", "c"})
            assert called == (["a"] if written else [])
            assert written or was_cancelled
            await clear()
            has_ended, number = number > awaits, number + 1
        assert number > 5
    await until_idle()


@pytest.mark.parametrize("ticks", [0, 2])
async def test_at_each_await_of_a_block_that_fails_nothing_is_written(ticks):
    async def work():
        with contextlib.suppress(ValueError):
            async with aatomic():
                await add("a")
                raise ValueError("wrong")

    number, has_ended = 0, False
    async with worker_lease():
        while not has_ended:
            _, awaits = await run_and_cancel(work(), number, ticks)
            assert (await place())[1] is False
            assert await names() == set()
            has_ended, number = number > awaits, number + 1
    await until_idle()


async def test_a_cancellation_waits_for_the_running_query_and_the_rollback():
    def slow():
        add_sync("a")
        gate()
        done.append(True)

    async def work():
        async with aatomic():
            await hop(slow)

    done = []
    async with worker_lease():
        with Gate() as gate:
            task = asyncio.create_task(work())
            await gate.wait_entered()
            task.cancel()
            for _ in range(5):
                await asyncio.sleep(0)
            task.cancel()
            assert not task.done()
            gate.open()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert done
        assert await names() == set()
        assert not (await place())[1]


async def test_callbacks_of_a_commit_run_before_the_cancellation_is_raised():
    async def work():
        async with aatomic():
            await add("a")
            await aon_commit(gate)
            await aon_commit(second)

    async def second():
        await asyncio.sleep(0)
        called.append(await place())

    called = []
    async with worker_lease():
        with Gate() as gate:
            task = asyncio.create_task(work())
            await gate.wait_entered()
            task.cancel()
            await asyncio.sleep(0)
            gate.open()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert [is_in for _, is_in in called] == [False]
        assert await names() == {"a"}


@override_settings(ASYNCKIT_WORKERS=1)
async def test_who_waits_for_a_worker_is_cancelled_at_once():
    async def work():
        async with worker_lease(), aatomic():
            raise AssertionError("it must not be entered")

    async with busy():
        task = asyncio.create_task(work())
        await until(lambda: statistics().waiting == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert statistics().waiting == 0
    await until_idle()


async def test_who_waits_behind_another_call_is_cancelled_at_once():
    async def work():
        async with aatomic():
            raise AssertionError("it must not be entered")

    async with worker_lease():
        with Gate() as gate:
            slow = asyncio.create_task(hop(gate))
            await gate.wait_entered()
            task = asyncio.create_task(work())
            await asyncio.sleep(0.02)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            gate.open()
            await slow
        assert not (await place())[1]
        async with aatomic():
            await add("a")
        assert await names() == {"a"}


async def test_who_waits_for_its_turn_is_cancelled_at_once():
    async def nested():
        async with aatomic():
            raise AssertionError("it must not be entered")

    async def open_for_long():
        async with aatomic():
            entered.set()
            await ended.wait()

    entered, ended = asyncio.Event(), asyncio.Event()
    async with worker_lease():
        async with aatomic():
            long = asyncio.create_task(open_for_long())
            await entered.wait()
            task = asyncio.create_task(nested())
            await asyncio.sleep(0.02)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            ended.set()
            await long


async def test_a_timeout_is_a_timeout():
    async with worker_lease():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05), aatomic():
                await add("a")
                await asyncio.Event().wait()
        assert await names() == set()


async def test_an_error_of_the_commit_is_raised_and_nothing_is_written():
    def break_foreign_keys():
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE TABLE child (id int, parent int REFERENCES django_content_type(id) DEFERRABLE INITIALLY DEFERRED)"
            )

    def orphan():
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO child VALUES (1, 99)")

    async with worker_lease():
        await hop(break_foreign_keys)
        with pytest.raises(IntegrityError):
            async with aatomic():
                await add("a")
                await hop(orphan)
        assert await names() == set()
        async with aatomic():
            await add("b")
        assert await names() == {"b"}


async def test_a_cancelled_call_in_a_transaction_of_its_own_is_done_or_undone():
    def work(fails):
        add_sync("a")
        gate()
        add_sync("b")
        if fails:
            raise ValueError("wrong")

    for fails in (False, True):
        async with worker_lease():
            with Gate() as gate:
                call = database_sync_to_async(work, atomic=True)
                task = asyncio.create_task(call(fails))
                await gate.wait_entered()
                task.cancel()
                await asyncio.sleep(0)
                assert not task.done()
                gate.open()
                with pytest.raises(asyncio.CancelledError):
                    await task
            assert await names() == (set() if fails else {"a", "b"})
            await clear()


async def test_such_a_call_that_has_not_begun_is_not_made():
    async with worker_lease():
        with Gate() as gate:
            slow = asyncio.create_task(hop(gate))
            await gate.wait_entered()
            task = asyncio.create_task(database_sync_to_async(add_sync, atomic=True)("a"))
            await asyncio.sleep(0.02)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            gate.open()
            await slow
        assert await names() == set()


async def test_set_rollback_rolls_back_without_an_error():
    async with worker_lease():
        async with aatomic():
            await add("a")
            await hop(transaction.set_rollback, True)
        assert await names() == set()
