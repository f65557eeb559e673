"""What begins in a sync frame, which waits in ``async_to_sync``, just when the thread goes on."""

from __future__ import annotations

import asyncio
import gc
import threading
import time

import pytest
from asgiref.current_thread_executor import CurrentThreadExecutor
from asgiref.sync import async_to_sync, sync_to_async
from django.db import connections, transaction

from django_asynckit.db import aatomic, aon_commit, database_sync_to_async
from django_asynckit.db._blocks import Block
from django_asynckit.workers import routes, worker_lease
from django_asynckit.workers.routes import current_route
from django_asynckit.workers.threads import seat_of
from tests.db.tools import add, add_sync, names, no_lease
from tests.db.ways import state
from tests.workers.tools import until_idle

pytestmark = pytest.mark.usefixtures("kept")
BEFORE = (False, 0, False)


async def block(name="inner"):
    async with aatomic():
        await add(name)
        await asyncio.sleep(0.01)
        await add(f"{name}-end")


def in_script(function):
    """Run sync code in a thread with connections of its own."""

    def run():
        try:
            function()
            assert state() == BEFORE
        finally:
            connections.close_all()

    return asyncio.to_thread(run)


@pytest.mark.parametrize("has_guest", [False, True], ids=["first", "second"])
@pytest.mark.parametrize("ticks", range(8))
async def test_a_block_that_begins_when_the_inner_frame_ends(ticks, has_guest):
    """It is whole, in the frame around it, or it is nothing, and its task hears that."""
    outcomes = []

    async def inner():
        if has_guest:
            async with aatomic():
                await add("guest")
        tasks.append(asyncio.create_task(block()))
        for _ in range(ticks):
            await asyncio.sleep(0)

    def sync():
        before = state()
        async_to_sync(inner)()
        assert state() == before
        add_sync("after")

    async def outer():
        await sync_to_async(sync)()
        outcomes.extend(await asyncio.gather(*tasks, return_exceptions=True))

    tasks = []
    await in_script(lambda: async_to_sync(outer)())
    (outcome,) = outcomes
    if outcome is None:
        written = {"inner", "inner-end"}
    else:
        assert isinstance(outcome, RuntimeError)
        assert "was ended, and rolled back, when the async_to_sync() call" in str(outcome)
        written = set()
    assert await names() == written | {"after"} | ({"guest"} if has_guest else set())


@pytest.mark.parametrize("ticks", range(8))
async def test_a_block_that_begins_when_the_outermost_frame_ends(ticks):
    """The loop of that frame ends with it, and cancels what is left."""

    async def main():
        tasks.append(asyncio.create_task(block()))
        for _ in range(ticks):
            await asyncio.sleep(0)

    def script():
        async_to_sync(main)()
        assert state() == BEFORE
        add_sync("after")

    tasks = []
    await in_script(script)
    assert tasks[0].done()
    assert await names() in ({"after"}, {"after", "inner", "inner-end"})


async def test_a_task_that_outlives_a_block_that_has_ended_well_writes_beside():
    async def inner():
        async with aatomic():
            await add("inner")
            tasks.append(asyncio.create_task(late()))

    async def late():
        await is_over.wait()
        await add("late")

    async def outer():
        await sync_to_async(lambda: async_to_sync(inner)())()
        is_over.set()
        await tasks[0]

    tasks, is_over = [], asyncio.Event()
    await in_script(lambda: async_to_sync(outer)())
    assert await names() == {"inner", "late"}


async def test_an_async_generator_that_goes_on_behind_its_frame_writes_nothing():
    """What comes after was written outside of the transaction that it believed to be in."""

    async def items():
        async with aatomic():
            await add("first")
            yield 1
            await add("second")
            yield 2

    async def leave():
        kept.append(items())
        await anext(kept[0])

    async def go_on():
        await add("beside")
        with pytest.raises(
            RuntimeError, match="was ended, and rolled back, when the async_to_sync"
        ):
            await anext(kept[0])
        await asyncio.create_task(add("task"))

    async def outer():
        await sync_to_async(lambda: async_to_sync(leave)())()
        await go_on()

    kept = []
    await in_script(lambda: async_to_sync(outer)())
    assert await names() == {"beside", "task"}


# A generator of sync code.


@database_sync_to_async(chunk_size=1)
def rows(first="first"):
    with transaction.atomic():
        add_sync(first)
        yield 1
        yield 2
        add_sync("last")


async def test_a_generator_of_sync_code_is_closed_with_the_frame():
    """Its transaction was open in the thread, and what that wrote next was lost."""

    async def leave():
        items.append(rows())
        assert await anext(items[0]) == 1

    def sync():
        async_to_sync(leave)()
        assert state() == BEFORE
        add_sync("after")

    async def outer():
        await sync_to_async(sync)()
        with pytest.raises(RuntimeError, match="was closed, with its transaction and cursors"):
            await anext(items[0])

    items = []
    await in_script(lambda: async_to_sync(outer)())
    assert await names() == {"after"}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_generator_that_the_end_of_the_loop_closes_is_closed_in_its_thread():
    """It was closed in another one, and its transaction was open in the thread that went on."""

    async def leave():
        items.append(rows())
        assert await anext(items[0]) == 1

    def script():
        async_to_sync(leave)()
        assert state() == BEFORE
        add_sync("after")

    items = []
    await in_script(script)
    assert await names() == {"after"}


async def test_a_generator_that_fails_when_it_is_closed_with_the_frame():
    @database_sync_to_async(chunk_size=1)
    def fails():
        try:
            yield 1
            yield 2
        finally:
            closed.append(True)
            raise LookupError("planned")

    async def leave():
        items.append(fails())
        assert await anext(items[0]) == 1

    def script():
        async_to_sync(leave)()
        assert closed == [True]
        add_sync("after")

    items, closed = [], []
    await in_script(script)
    assert await names() == {"after"}


async def test_a_generator_of_sync_code_that_ends_in_its_frame_is_whole():
    async def iterate():
        assert [one async for one in rows()] == [1, 2]

    def script():
        async_to_sync(iterate)()
        add_sync("after")

    await in_script(script)
    assert await names() == {"first", "last", "after"}


# Moments that only such a test meets.


async def test_a_block_that_ends_when_its_frame_has_ended_hears_of_that():
    """The thread is busy with something slow, for other code, so that it has not ended the block yet."""

    async def work():
        async with aatomic():
            await add("inner")
            entered.set()
            await may_end.wait()

    async def main():
        tasks.append(asyncio.create_task(work()))
        await entered.wait()
        tasks.append(asyncio.create_task(sync_to_async(time.sleep)(0.2)))
        await asyncio.sleep(0.02)
        asyncio.get_running_loop().call_later(0.05, may_end.set)

    def sync():
        async_to_sync(main)()
        assert state() == BEFORE
        add_sync("after")

    async with no_lease():
        tasks, entered, may_end = [], asyncio.Event(), asyncio.Event()
        await sync_to_async(sync)()
        with pytest.raises(RuntimeError, match="was ended, and committed as far as it had got"):
            await tasks[0]
        await tasks[1]
    assert await names() == {"inner", "after"}


async def test_what_the_end_of_a_loop_cancels_may_still_write():
    async def callback():
        tasks.append(asyncio.create_task(late()))
        await asyncio.sleep(0)

    async def late():
        try:
            await asyncio.Event().wait()
        finally:
            await add("late")

    def script():
        with transaction.atomic():
            async_to_sync(aon_commit)(callback)
        add_sync("after")

    tasks = []
    await in_script(script)
    assert await names() == {"late", "after"}


@pytest.mark.parametrize("is_nested", [False, True], ids=["frame", "frame in a frame"])
async def test_a_lease_beside_a_block_that_ends_with_its_frame_keeps_what_it_wrote(is_nested):
    """Both are in the transaction of the block around the frame."""

    async def left(entered):
        async with aatomic():
            entered.set()
            await asyncio.Event().wait()

    async def inner():
        entered = asyncio.Event()
        tasks.append(asyncio.create_task(left(entered)))
        await entered.wait()
        async with worker_lease():
            await add("lease")

    def sync():
        async_to_sync(inner)()
        add_sync("after")

    async def outer():
        async with aatomic():
            await sync_to_async(sync)()
            tasks[0].cancel()
            await asyncio.wait(tasks)

    tasks = []
    async with worker_lease():
        await (sync_to_async(async_to_sync(outer))() if is_nested else outer())
    assert await names() == {"lease", "after"}


async def test_what_comes_to_a_frame_that_has_ended_is_noted_in_the_one_around():
    """asgiref, which has found its executor a moment before, would pass by the blocks that are open there."""

    async def inner():
        async with aatomic():
            seats.append(routes.frame_around())
            executors.append(seats[0]._executor())

    async def outer():
        around = routes.frame_around()
        around.take_over()
        await sync_to_async(lambda: async_to_sync(inner)())()
        around.note_call = lambda: ran.append("noted")
        late = seats[0]._submit_here(threading.get_ident)
        ran.append(await asyncio.wrap_future(late))

    def script():
        async_to_sync(outer)()
        ran.append(threading.get_ident())

    seats, executors, ran = [], [], []
    await in_script(script)
    *noted, there, own = ran
    assert there == own
    assert set(noted) == {"noted"}


async def test_who_finds_that_its_holder_has_ended_does_not_wait():
    async with worker_lease():
        async with aatomic():
            holder = current_route.get()
        waiter = Block("default", savepoint=True, durable=False)
        waiter.seat = holder.seat
        await waiter._wait_for(holder, until=0)


async def test_a_worker_beside_a_frame_that_is_gone_is_given_back():
    executor = CurrentThreadExecutor(None)
    held = routes.hold(seat_of(executor, routes._route))
    beside = routes.hold(held)
    await beside.submit(threading.get_ident)
    routes.release(held)
    del executor, held
    gc.collect()
    routes.release(beside)
    await until_idle()
