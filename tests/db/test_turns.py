"""Who waits for the turn of its block: what cannot end is refused, what is long ends, all can be cancelled."""

from __future__ import annotations

import asyncio
import contextlib
from time import monotonic

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import transaction
from django.test import TestCase, override_settings

from django_asynckit.db import TaskGroup, aatomic, database_sync_to_async
from django_asynckit.workers import worker_lease
from tests.db.places import run_test
from tests.db.test_reported_faults import in_thread
from tests.db.tools import add, names
from tests.workers.tools import until_idle

pytestmark = pytest.mark.usefixtures("kept")
SHORT = override_settings(ASYNCKIT_WORKER_WAIT_SECONDS=0.2)


async def in_case(work):
    """Run it as a test of a ``TestCase``, in a thread of its own."""

    async def test(self):
        async with asyncio.timeout(8):
            await work()

    await asyncio.to_thread(run_test, type("Case", (TestCase,), {"test": test}))


def in_script(work):
    return in_thread(lambda: async_to_sync(work)())


def in_script_in_transaction(work):
    def script():
        with transaction.atomic():
            async_to_sync(work)()

    return in_thread(script)


async def in_outer_block(work):
    async with worker_lease(), aatomic():
        await work()


SHARED = pytest.mark.parametrize(
    "where", [in_case, in_script, in_script_in_transaction, in_outer_block]
)


class Turn:
    """A block that holds a connection, and one that waits for it."""

    def __init__(self):
        self.entered, self.release = asyncio.Event(), asyncio.Event()

    async def hold(self):
        async with aatomic():
            self.entered.set()
            await self.release.wait()

    async def wait(self):
        async with aatomic():
            await add("waiter")


@SHARED
@SHORT
async def test_a_holder_that_awaits_the_waiter_ends_it_with_an_error(where):
    """``gather`` and locks between two blocks of one connection: nobody can see such a wait begin."""

    async def work():
        async def hold():
            async with aatomic():
                turn.entered.set()
                with pytest.raises(RuntimeError, match=r"waited for 0\.2 s") as caught:
                    await waiter
                errors.append(str(caught.value))
                await add("holder")

        async def wait():
            await turn.entered.wait()
            await turn.wait()

        turn = Turn()
        waiter = asyncio.create_task(wait())
        started = monotonic()
        await asyncio.create_task(hold())
        assert 0.15 < monotonic() - started < 5
        async with aatomic():  # The connection is as usable as before.
            await add("after")

    errors = []
    await where(work)
    (error,) = errors
    assert "Turn.wait has waited" in error
    assert ".hold, which is open on the same connection" in error
    assert error.count("test_turns.py:") == 2
    if where is not in_case:
        assert await names() == {"holder", "after"}
    await until_idle()


@SHARED
@SHORT
async def test_several_who_wait_do_not_wake_each_other(where):
    """They did, without end: so none of them heard that it had waited for too long."""

    async def work():
        async def wait():
            with pytest.raises(RuntimeError, match="waited for"):
                await turn.wait()

        turn = Turn()
        holder = asyncio.create_task(turn.hold())
        await turn.entered.wait()
        waiters = [asyncio.create_task(wait()) for _ in range(3)]
        await asyncio.sleep(0.02)
        async with asyncio.timeout(5):
            await asyncio.gather(*waiters)
        turn.release.set()
        await holder

    await where(work)
    await until_idle()


@SHARED
@SHORT
async def test_a_holder_whose_own_blocks_end_is_not_waited_for_longer(where):
    async def work():
        async def hold():
            async with aatomic():
                turn.entered.set()
                while not turn.release.is_set():
                    async with aatomic():
                        await asyncio.sleep(0.02)

        turn = Turn()
        holder = asyncio.create_task(hold())
        await turn.entered.wait()
        async with asyncio.timeout(5):
            with pytest.raises(RuntimeError, match="waited for"):
                await turn.wait()
        turn.release.set()
        await holder

    await where(work)
    await until_idle()


@SHARED
@pytest.mark.parametrize("how", ["cancel", "timeout", "group"])
async def test_who_waits_can_be_cancelled(where, how):
    async def work():
        turn = Turn()
        holder = asyncio.create_task(turn.hold())
        await turn.entered.wait()
        await stop(turn)
        turn.release.set()
        await holder
        async with aatomic():
            await add("after")

    async def stop(turn):
        if how == "cancel":
            task = asyncio.create_task(turn.wait())
            await asyncio.sleep(0.02)
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
        elif how == "timeout":
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02):
                    await turn.wait()
        else:
            with contextlib.suppress(ExceptionGroup):
                async with TaskGroup() as group:
                    group.create_task(turn.wait())
                    await asyncio.sleep(0.02)
                    raise LookupError("planned")

    await where(work)
    if where is not in_case:
        assert await names() == {"after"}
    await until_idle()


@SHARED
async def test_a_waiter_whose_holder_is_cancelled_goes_on(where):
    async def work():
        turn = Turn()
        holder = asyncio.create_task(turn.hold())
        await turn.entered.wait()
        waiters = [asyncio.create_task(turn.wait()), asyncio.create_task(other())]
        await asyncio.sleep(0.02)
        holder.cancel()
        await asyncio.wait([holder])
        await asyncio.gather(*waiters)

    async def other():
        async with aatomic(savepoint=False):
            await add("other")

    await where(work)
    if where is not in_case:
        assert await names() == {"waiter", "other"}
    await until_idle()


@SHARED
async def test_a_waiter_that_is_cancelled_in_its_very_turn_gives_it_on(where):
    """The turn has come, and it is cancelled before it hears of that."""

    async def work():
        turn = Turn()
        holder = asyncio.create_task(turn.hold())
        await turn.entered.wait()
        first, second = (asyncio.create_task(turn.wait()) for _ in range(2))
        await asyncio.sleep(0.02)
        turn.release.set()
        holder.add_done_callback(lambda _: first.cancel())
        await asyncio.wait([first])
        await second

    await where(work)
    if where is not in_case:
        assert await names() == {"waiter"}
    await until_idle()


async def test_a_block_of_a_deeper_frame_that_needs_the_thread_of_this_one_is_refused():
    """Also where the holder is two frames further out."""

    async def inner():
        async with aatomic():
            await add("inner")

    def sync():
        async_to_sync(middle)()

    async def middle():
        await sync_to_async(lambda: async_to_sync(inner)())()

    async def hold():
        async with aatomic():
            entered.set()
            await asyncio.sleep(0.2)
            await add("holder")

    entered = asyncio.Event()
    async with worker_lease(), aatomic():
        holder = asyncio.create_task(hold())
        await entered.wait()
        with pytest.raises(RuntimeError, match="would wait for ever") as caught:
            await sync_to_async(sync)()
        assert str(caught.value).count("test_turns.py:") == 2
        await holder
    assert await names() == {"holder"}
    await until_idle()


async def test_a_durable_block_is_refused_before_it_takes_a_turn():
    async with worker_lease(), aatomic():
        with pytest.raises(RuntimeError, match="durable"):
            async with aatomic(durable=True):
                raise AssertionError("it must not be entered")
        await add("after")
    assert await names() == {"after"}
    await until_idle()


async def test_a_call_in_a_transaction_of_its_own_beside_a_waiter():
    """It takes no turn, since it ends in one call."""
    turn = Turn()
    async with worker_lease(), aatomic():
        holder = asyncio.create_task(turn.hold())
        await turn.entered.wait()
        waiter = asyncio.create_task(turn.wait())
        await asyncio.sleep(0.02)
        await database_sync_to_async(lambda: None, atomic=True)()
        turn.release.set()
        await asyncio.gather(holder, waiter)
    assert await names() == {"waiter"}
    await until_idle()
