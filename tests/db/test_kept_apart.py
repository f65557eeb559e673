"""What the end of one block does to the blocks, iterators, tasks and context variables of others: nothing."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import weakref

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import connection

from django_asynckit.db import aatomic, aon_commit
from django_asynckit.workers import statistics, worker_lease
from tests.db.tools import Row, add, add_sync, names, no_lease, place, runner
from tests.workers.tools import Gate, hop, thread, until, until_idle

pytestmark = pytest.mark.usefixtures("kept")


async def test_a_savepoint_that_fails_leaves_the_iterators_of_the_block_around_it():
    def rows():
        yield from Row.objects.order_by("model").values_list("model", flat=True).iterator(1)

    async with worker_lease():
        async with aatomic():
            await add("a", "b", "c")
            generator = rows()
            assert await hop(next, generator) == "a"
            with contextlib.suppress(ValueError):
                async with aatomic():
                    raise ValueError("wrong")
            assert await hop(next, generator) == "b"
            await hop(generator.close)
        assert await names() == {"a", "b", "c"}
    await until_idle()


async def test_a_savepoint_that_is_being_left_when_the_block_around_it_ends_was_left_well():
    async def inside():
        async with aatomic():
            await add("b")
            busy = asyncio.create_task(hop(gate))
            await gate.wait_entered()
            is_leaving.set()
        await busy
        return "left"

    is_leaving = asyncio.Event()
    with Gate() as gate:
        async with worker_lease():
            async with aatomic():
                await add("a")
                task = asyncio.create_task(inside())
                await is_leaving.wait()
                asyncio.get_running_loop().call_later(0.05, gate.open)
            assert await task == "left"
            assert await names() == {"a", "b"}
    await until_idle()


async def test_a_task_that_a_callback_started_goes_on_where_the_request_is():
    """Not on the connection beside it, which the block of the callback had."""

    async def first():
        async with aatomic():
            await add("a")
            is_open.set()
            await go_on.wait()

    async def callback():
        tasks.append(asyncio.create_task(late()))

    async def late():
        await have_ended.wait()
        return await hop(thread)

    tasks = []
    is_open, go_on, have_ended = asyncio.Event(), asyncio.Event(), asyncio.Event()
    async with worker_lease():
        mine = await hop(thread)
        task = asyncio.create_task(first())
        await is_open.wait()
        async with aatomic():
            assert (await place())[0] != mine
            await aon_commit(callback)
        go_on.set()
        await task
        await until(lambda: statistics().idle == 1)
        have_ended.set()
        assert await tasks[0] == mine
        assert statistics().idle == 1
    await until_idle()


async def test_a_task_that_outlives_a_block_does_not_keep_what_was_in_its_context():
    class Large:
        """The answer of an API, for example."""

    async def outlive():
        variable.set(None)
        await ended.wait()

    async def work():
        variable.set(Large())
        kept = weakref.ref(variable.get())
        async with aatomic():
            await add("a")
            task = asyncio.create_task(outlive())
            await asyncio.sleep(0)
        return kept, task

    variable = contextvars.ContextVar("variable", default=None)
    ended = asyncio.Event()
    async with worker_lease():
        kept, task = await asyncio.create_task(work())
        await until(lambda: gc.collect() >= 0 and kept() is None, 5)
        ended.set()
        await task
    await until_idle()


def test_a_block_that_is_open_when_its_loop_is_closed_is_rolled_back(database):
    """By the next who comes there, since nobody else will."""
    context = contextvars.copy_context()
    loop = asyncio.new_event_loop()
    block, run = aatomic(), runner(loop, context)

    run(block.__aenter__())
    run(add("a"))
    loop.close()

    async def afterwards():
        async with no_lease(closes=False):
            async with aatomic():
                await add("b")
            assert not (await place())[1]
        assert await names() == {"b"}
        await until_idle()

    asyncio.run(afterwards())


async def test_one_object_on_stacks_of_two_tasks_leaves_the_block_of_each():
    atomic = aatomic()

    async def first():
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(atomic)
            await add("a")
            first_is_in.set()
            await second_is_in.wait()
        assert not (await place())[1]
        first_is_out.set()

    async def second():
        await first_is_in.wait()
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(atomic)
            second_is_in.set()
            await first_is_out.wait()
            await add("b")
            raise ValueError("wrong")

    first_is_in, second_is_in, first_is_out = (asyncio.Event() for _ in range(3))
    async with worker_lease():
        found = await asyncio.gather(first(), second(), return_exceptions=True)
        assert found[0] is None
        assert isinstance(found[1], ValueError)
        assert await names() == {"a"}
    await until_idle()


@pytest.mark.parametrize("depth", [1, 2])
async def test_what_is_open_when_sync_code_goes_on_has_ended_there_before(depth):
    """A task that the async code of ``async_to_sync`` has left behind has a block open."""

    async def open_blocks(depth):
        async with aatomic():
            await add(f"left{depth}")
            if depth > 1:
                await open_blocks(depth - 1)
            is_open.set()
            await go_on.wait()

    async def main():
        tasks.append(asyncio.create_task(open_blocks(depth)))
        await is_open.wait()

    def view():
        async_to_sync(main)()
        was_in_block = connection.in_atomic_block
        add_sync("b")
        return was_in_block

    tasks, is_open, go_on = [], asyncio.Event(), asyncio.Event()
    async with worker_lease():
        assert await hop(view) is False
        assert await names() == {"b"}
        go_on.set()
        with pytest.raises(RuntimeError):
            await tasks[0]
        assert await names() == {"b"}
    await until_idle()


async def test_blocks_that_have_ended_before_sync_code_goes_on_are_as_they_were():
    async def main():
        async with aatomic():
            await add("a")
            async with aatomic():
                await add("b")
        with contextlib.suppress(ValueError):
            async with aatomic():
                await add("c")
                raise ValueError("wrong")

    def view():
        async_to_sync(main)()
        add_sync("d")
        return connection.in_atomic_block

    async with worker_lease():
        assert await hop(view) is False
        assert await names() == {"a", "b", "d"}
    await until_idle()


@pytest.mark.parametrize("others", [True, False], ids=["others", "nobody"])
async def test_what_others_wrote_into_a_block_is_kept_when_sync_code_goes_on(others):
    """In a thread of somebody's own there is one connection for all that is waited for."""

    async def open_block():
        async with aatomic():
            await add("a")
            is_open.set()
            await go_on.wait()

    async def main():
        tasks.append(asyncio.create_task(open_block()))
        await is_open.wait()
        if others:
            await add("b")

    def view():
        try:
            async_to_sync(main)()
            was_in_block = connection.in_atomic_block
            add_sync("c")
            return was_in_block
        finally:
            connection.close()

    tasks, is_open, go_on = [], asyncio.Event(), asyncio.Event()
    async with no_lease():
        assert await sync_to_async(view, thread_sensitive=False)() is False
        go_on.set()
        with pytest.raises(RuntimeError):
            await tasks[0]
        assert await names() == ({"a", "b", "c"} if others else {"c"})
    await until_idle()


async def test_a_generator_keeps_a_block_on_a_stack_to_itself():
    async def rows():
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(aatomic())
            await add("a")
            yield await place()
            raise ValueError("wrong")

    async with worker_lease():
        generator = rows()
        name, is_in_block = await anext(generator)
        assert is_in_block
        beside, is_in_block = await place()
        assert beside != name
        assert not is_in_block
        with pytest.raises(ValueError, match="wrong"):
            await anext(generator)
        assert await names() == set()
    await until_idle()


async def test_a_helper_may_enter_a_block_on_the_stack_of_its_caller():
    async def begin(stack):
        await stack.enter_async_context(aatomic())

    async with worker_lease():
        with contextlib.suppress(ValueError):
            async with contextlib.AsyncExitStack() as stack:
                await begin(stack)
                await add("a")
                assert (await place())[1]
                raise ValueError("wrong")
        assert await names() == set()
    await until_idle()
