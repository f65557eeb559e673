"""Which code belongs to a transaction, and which connection all other code of the request gets."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import threading
import time

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import connection, transaction
from django.test import override_settings

from django_asynckit.db import aatomic, database_sync_to_async
from django_asynckit.exceptions import WorkerTimeout
from django_asynckit.workers import release_worker, statistics, worker_lease
from tests.db.cancelling import Left
from tests.db.tools import Row, add, add_sync, names, no_lease, place
from tests.workers.tools import Gate, busy, connected, hop, thread, until, until_idle

pytestmark = pytest.mark.usefixtures("kept")
both = pytest.mark.parametrize("surroundings", [worker_lease, no_lease], ids=["worker", "script"])


class Steps:
    """Lets two tasks go on in turn."""

    def __init__(self):
        self._events = {}

    def __getattr__(self, name):
        return self._events.setdefault(name, asyncio.Event())


@both
async def test_a_write_of_a_sibling_survives_the_rollback(surroundings):
    async def sibling():
        await steps.opened.wait()
        assert not (await place())[1]
        await add("b")
        steps.written.set()

    steps = Steps()
    async with surroundings():
        task = asyncio.create_task(sibling())
        with pytest.raises(ValueError, match="wrong"):
            async with aatomic():
                steps.opened.set()
                await steps.written.wait()
                await add("a")
                raise ValueError("wrong")
        await task
        assert await names() == {"b"}


@both
async def test_tasks_that_are_started_inside_belong_to_it(surroundings):
    async with surroundings():
        with pytest.raises(ValueError, match="wrong"):
            async with aatomic():
                await asyncio.gather(*(add(name) for name in "abc"))
                assert len({await place() for _ in range(3)}) == 1
                raise ValueError("wrong")
        assert await names() == set()


@both
async def test_the_block_takes_over_the_connection_of_the_request(surroundings):
    async with surroundings():
        before = await place()
        async with aatomic():
            assert (await place())[0] == before[0]
        assert await place() == before


@both
async def test_sibling_blocks_have_a_connection_each(surroundings):
    async def block(name):
        async with aatomic():
            places.append(await place())
            await arrived.wait()
            if name == "b":
                raise ValueError(name)
        places.append(await place())

    places, arrived = [], asyncio.Barrier(3)
    async with surroundings():
        results = await asyncio.gather(*map(block, "abc"), return_exceptions=True)
        assert [type(one) for one in results] == [type(None), ValueError, type(None)]
        assert len(set(places[:3])) == 3
        assert all(is_in for _, is_in in places[:3])
        # All come back to the one connection.
        assert len({await place() for _ in range(3)}) == 1


@both
async def test_a_call_after_the_end_goes_to_the_request(surroundings):
    async def outlive():
        inside.append(await place())
        await ended.wait()
        return await place()

    inside, ended = [], asyncio.Event()
    async with surroundings():
        async with aatomic():
            task = asyncio.create_task(outlive())
            await until(lambda: inside)
        ended.set()
        assert inside[0][1]
        assert await task == (inside[0][0], False)


async def test_the_workers_beside_are_given_back_with_the_end_of_the_block():
    async with worker_lease():
        async with aatomic():
            await asyncio.create_task(hop(), context=_context_before())
        assert statistics().resting <= 2
    await until_idle()


def _context_before():
    import contextvars

    from django_asynckit.workers.routes import current_route

    context = contextvars.copy_context()
    context.run(current_route.set, None)
    return context


@override_settings(ASYNCKIT_WORKERS=1)
async def test_who_has_a_block_open_may_wait_for_a_sibling_with_one_worker():
    async def sibling():
        await steps.opened.wait()
        async with aatomic():
            result = await place()
        steps.done.set()
        return result

    steps = Steps()
    async with worker_lease():
        task = asyncio.create_task(sibling())
        async with aatomic():
            steps.opened.set()
            await steps.done.wait()
            assert (await place())[0] != (await task)[0]
    await until_idle()


async def test_execute_wrappers_hold_beside_the_block():
    def note(execute, sql, params, many, context):
        seen.append(sql)
        return execute(sql, params, many, context)

    @sync_to_async
    def wrap():
        connection.execute_wrappers.append(note)

    seen, steps = [], Steps()

    async def sibling():
        await steps.opened.wait()
        await Row.objects.acount()
        steps.counted.set()

    async with worker_lease():
        await wrap()
        task = asyncio.create_task(sibling())
        async with aatomic():
            steps.opened.set()
            await steps.counted.wait()
        await task
    assert [sql for sql in seen if "COUNT" in sql]
    async with worker_lease():
        assert await sync_to_async(lambda: connection.execute_wrappers)() == []


carried = []


def carry(source, target):
    carried.append((source.alias, source is target, target.in_atomic_block))
    target.tenant = source.tenant


def refuse(source, target):
    raise LookupError("no such tenant")


@override_settings(ASYNCKIT_CARRY_CONNECTION_STATE=f"{__name__}.carry")
@both
async def test_the_hook_gives_other_connections_the_state_of_the_first(surroundings):
    def set_tenant():
        connection.tenant = "t1"

    async def sibling():
        await steps.opened.wait()
        steps.asked.set()
        return await sync_to_async(lambda: connection.tenant)(), await place()

    steps = Steps()
    async with surroundings():
        await sync_to_async(set_tenant)()
        task = asyncio.create_task(sibling())
        async with aatomic():
            carried.clear()
            steps.opened.set()
            tenant, elsewhere = await task
            assert tenant == "t1"
            assert elsewhere != await place()
        assert carried == [("default", False, False)]
        await sync_to_async(lambda: vars(connection).pop("tenant", None))()


@override_settings(ASYNCKIT_CARRY_CONNECTION_STATE=f"{__name__}.refuse")
async def test_nothing_runs_where_the_hook_has_failed():
    async def sibling():
        await steps.opened.wait()
        for _ in range(2):
            with pytest.raises(LookupError, match="no such tenant"):
                await Row.objects.acount()
        steps.done.set()

    steps = Steps()
    async with worker_lease():
        task = asyncio.create_task(sibling())
        async with aatomic():
            steps.opened.set()
            await steps.done.wait()
        await task


async def test_nested_blocks_of_tasks_take_turns():
    async def nested(name):
        with contextlib.suppress(ValueError):
            async with aatomic():
                running.append(name)
                await add(name)
                assert running == [name]
                await asyncio.sleep(0)
                running.remove(name)
                if name in "bd":
                    raise ValueError(name)

    running = []
    async with worker_lease():
        async with aatomic():
            await asyncio.gather(*map(nested, "abcde"))
        assert await names() == {"a", "c", "e"}


async def test_a_block_ends_what_tasks_have_open_inside():
    async def nested():
        async with aatomic():
            await add("b")
            entered.set()
            await asyncio.Event().wait()

    async def late():
        async with aatomic():
            return await place()

    entered = asyncio.Event()
    async with worker_lease():
        with pytest.raises(RuntimeError, match="a task that was started inside is still in"):
            async with aatomic():
                await add("a")
                task = asyncio.create_task(nested())
                await entered.wait()
                waiting = asyncio.create_task(late())
                await asyncio.sleep(0)
        assert (await waiting)[1]
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await names() == set()
        assert not (await place())[1]


async def test_a_task_hears_that_its_block_was_ended():
    async def nested():
        async with aatomic():
            entered.set()
            await ended.wait()
            assert not (await place())[1]

    entered, ended = asyncio.Event(), asyncio.Event()
    async with worker_lease():
        with pytest.raises(ValueError, match="wrong"):
            async with aatomic():
                task = asyncio.create_task(nested())
                await entered.wait()
                raise ValueError("wrong")
        ended.set()
        with pytest.raises(RuntimeError, match="was ended, and rolled back, with the block around"):
            await task


def after_turns(number, call):
    loop = asyncio.get_running_loop()
    loop.call_soon(after_turns, number - 1, call) if number else call()


@pytest.mark.parametrize("ticks", range(1, 4))
async def test_a_block_that_is_about_to_begin_ends_with_the_one_around_it(ticks):
    """What enters it is before or behind what ends the outer block."""

    async def nested():
        async with aatomic():
            await over.wait()

    over = asyncio.Event()
    async with worker_lease():
        with Gate() as gate:
            with pytest.raises(RuntimeError, match="still in an aatomic"):
                async with aatomic():
                    slow = asyncio.create_task(hop(gate))
                    await gate.wait_entered()
                    task = asyncio.create_task(nested())
                    for _ in range(ticks):
                        await asyncio.sleep(0)
                    after_turns(5, gate.open)  # Then the end of the block is in the queue.
            await slow
        over.set()
        with pytest.raises(RuntimeError, match="was ended"):
            await task
        assert not (await place())[1]


async def test_release_worker_is_refused_inside():
    async with worker_lease():
        async with aatomic():
            with pytest.raises(RuntimeError, match="cannot be released now"):
                release_worker()
        release_worker()


async def test_an_iterator_stays_on_its_connection():
    async def sibling():
        found = []
        async for row in Row.objects.order_by("model").aiterator(chunk_size=1):
            found.append(row.model)
            if len(found) == 1:
                steps.begun.set()
                await steps.opened.wait()
        return found

    steps = Steps()
    async with worker_lease():
        await add(*"abcd")
        task = asyncio.create_task(sibling())
        await steps.begun.wait()
        async with aatomic():
            steps.opened.set()
            assert await task == list("abcd")


@both
async def test_a_generator_keeps_its_transaction_to_itself(surroundings):
    async def rows():
        async with aatomic():
            for name in "ab":
                await add(name)
                yield await place()

    async with surroundings():
        inside, outside = [], []
        async for one in rows():
            inside.append(one)
            outside.append(await place())
        assert [is_in for _, is_in in inside] == [True, True]
        assert [is_in for _, is_in in outside] == [False, False]
        assert await names() == {"a", "b"}


@both
async def test_tasks_of_such_a_generator_belong_to_it(surroundings):
    async def rows():
        async with aatomic():
            yield await asyncio.gather(place(), place())

    async with surroundings():
        (both,) = [one async for one in rows()]
        assert [is_in for _, is_in in both] == [True, True]


@both
async def test_a_context_manager_of_ones_own_gives_its_block_to_its_user(surroundings):
    @contextlib.asynccontextmanager
    async def unit():
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(aatomic())
            yield

    async with surroundings():
        with pytest.raises(ValueError, match="wrong"):
            async with unit():
                await add("a")
                assert (await place())[1]
                raise ValueError("wrong")
        assert await names() == set()


@both
async def test_a_generator_that_is_closed_early_rolls_back(surroundings):
    async def rows():
        async with aatomic():
            await add("a")
            yield

    async with surroundings():
        generator = rows()
        await anext(generator)
        await generator.aclose()
        assert not (await place())[1]
        assert await names() == set()


@both
async def test_a_coroutine_that_is_closed_rolls_back(surroundings):
    async def work():
        async with aatomic():
            await add("a")
            entered.set()
            await asyncio.Event().wait()

    async def drive(coroutine):
        task = asyncio.ensure_future(Left(coroutine))
        await entered.wait()
        task.cancel()
        await asyncio.wait([task])

    entered = asyncio.Event()
    async with surroundings():
        coroutine = work()
        await drive(coroutine)
        coroutine.close()
        await until_async(lambda: place(), lambda found: not found[1])
        assert await names() == set()
        async with aatomic():
            await add("b")
        assert await names() == {"b"}


async def until_async(ask, condition):
    while not condition(await ask()):
        await asyncio.sleep(0.005)


async def test_a_task_that_is_collected_inside_rolls_back():
    async def work():
        async with aatomic():
            await add("a")
            entered.set()
            await asyncio.get_running_loop().create_future()

    entered = asyncio.Event()
    problems = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: problems.append(context["message"]))
    async with worker_lease():
        task = asyncio.create_task(work())
        await entered.wait()
        await asyncio.sleep(0)
        del task
        gc.collect()
        assert problems == ["Task was destroyed but it is pending!"]
        await until_async(lambda: place(), lambda found: not found[1])
        assert await names() == set()
    await until_idle()


async def test_a_block_may_be_left_in_another_task():
    block = aatomic()
    async with worker_lease():
        await block.__aenter__()
        await add("a")
        await asyncio.create_task(block.__aexit__(None, None, None))
        assert not (await place())[1]
        assert await names() == {"a"}
        await add("b")
        assert await names() == {"a", "b"}


async def test_one_object_may_be_used_by_many():
    async def use(name, fails):
        with contextlib.suppress(ValueError):
            async with shared:
                await barrier.wait()
                if fails:
                    raise ValueError(name)
                async with shared:
                    assert (await place())[1]
                await barrier.wait()

    shared, barrier = aatomic(), asyncio.Barrier(2)
    async with worker_lease():
        await asyncio.gather(use("a", False), use("b", False))
        assert not (await place())[1]
    assert shared._blocks == []


async def test_a_straggler_keeps_its_transaction():
    async def straggle():
        async with aatomic():
            await add("a")
            entered.set()
            await ended.wait()
            await add("b")

    entered, ended = asyncio.Event(), asyncio.Event()
    async with worker_lease():
        task = asyncio.create_task(straggle())
        await entered.wait()
    assert await names() == set()
    ended.set()
    await task
    assert await names() == {"a", "b"}
    await until_idle()


@both
async def test_sync_code_inside_may_call_async_code(surroundings):
    def sync():
        return async_to_sync(inner)()

    async def inner():
        async with aatomic():
            return await place()

    async with surroundings():
        async with aatomic():
            outside = await place()
            assert await sync_to_async(sync)() == outside


@both
async def test_async_code_under_a_sync_frame_is_in_its_transaction(surroundings):
    def sync():
        with transaction.atomic():
            async_to_sync(inner)()
            raise ValueError("wrong")

    async def inner():
        async def one(name):
            async with aatomic():
                assert name not in running
                running.append(name)
                await add(name)
                assert running == [name]
                running.remove(name)

        running = []
        await asyncio.gather(*map(one, "abc"))

    async with surroundings():
        with pytest.raises(ValueError, match="wrong"):
            await sync_to_async(sync)()
        assert await names() == set()


async def test_under_a_sync_frame_siblings_are_kept_apart():
    def sync():
        return async_to_sync(inner)(threading.current_thread().name)

    async def inner(frame):
        async def sibling():
            await steps.opened.wait()
            async with aatomic():
                inside = await place()
                steps.sibling.set()
                await steps.closed.wait()
                assert await place() == inside
            assert await place() == (frame, False)
            return inside

        task = asyncio.create_task(sibling())
        async with aatomic():
            assert await place() == (frame, True)
            steps.opened.set()
            await steps.sibling.wait()
        steps.closed.set()
        name, is_in = await task
        assert is_in
        assert name != frame
        return True

    steps = Steps()
    async with worker_lease():
        assert await sync_to_async(sync)()
    await until_idle()


async def test_a_block_that_was_ended_may_be_left_in_another_task():
    inner, entered = aatomic(), asyncio.Event()

    async def nested():
        await inner.__aenter__()
        entered.set()

    async with worker_lease():
        with pytest.raises(RuntimeError, match="is still in an aatomic block of"):
            async with aatomic():
                task = asyncio.create_task(nested())
                await entered.wait()
        await task
        with pytest.raises(RuntimeError, match="was ended"):
            await inner.__aexit__(None, None, None)
        assert not (await place())[1]


async def test_an_iterator_from_before_a_block_that_fails_goes_on():
    found = []
    async with worker_lease():
        await add(*"abcd")
        async for row in Row.objects.order_by("model").aiterator(chunk_size=1):
            found.append(row.model)
            with contextlib.suppress(ValueError):
                async with aatomic():
                    await Row.objects.acount()
                    raise ValueError("wrong")
    assert found == list("abcd")


async def test_an_iterator_of_a_block_that_fails_is_closed_in_its_thread():
    def rows():
        try:
            yield from "abcd"
        finally:
            closed.append(thread())

    closed = []
    async with worker_lease():
        with pytest.raises(ValueError, match="wrong"):
            async with aatomic():
                generator = rows()
                assert await hop(next, generator) == "a"
                name, _ = await place()
                raise ValueError("wrong")
        assert closed == [name]


@override_settings(ASYNCKIT_WORKERS=1, ASYNCKIT_WORKER_WAIT_SECONDS=0.05)
async def test_a_block_that_gets_no_connection_leaves_nothing():
    async with connected() as gate, worker_lease():
        with pytest.raises(WorkerTimeout):
            async with aatomic():
                raise AssertionError("it must not be entered")
        gate.open()
        await until(lambda: statistics().running == 0)
        async with aatomic():
            await add("a")
        assert not (await place())[1]
    assert await names() == {"a"}


@override_settings(ASYNCKIT_WORKERS=1)
async def test_a_block_that_is_closed_while_it_waits_for_a_worker_leaves_nothing():
    async def block():
        async with aatomic():
            raise AssertionError("it must not be entered")

    async with busy() as gate, worker_lease():
        coroutine = block()
        task = asyncio.ensure_future(Left(coroutine))
        await until(lambda: statistics().waiting == 1)
        task.cancel()
        await task
        coroutine.close()
        gate.open()
        async with aatomic():
            await add("a")
    assert await names() == {"a"}
    await until_idle()


async def test_beside_a_frame_with_a_block_a_sibling_has_a_worker_too():
    """Its worker waits for the frame, and the frame may wait for it."""

    async def sibling():
        await steps.opened.wait()
        found = await place()
        steps.asked.set()
        return found

    async def inner():
        async with aatomic():
            steps.opened.set()
            await steps.asked.wait()
            return await place()

    steps = Steps()
    async with worker_lease():
        task = asyncio.create_task(sibling())
        name, is_in = await sync_to_async(async_to_sync(inner))()
        assert is_in
        assert await task != (name, True)
        await hop()
        await until(lambda: statistics().resting == 1)
    await until_idle()


@pytest.mark.parametrize("begun_on", ["thread", "loop"])
@both
async def test_a_generator_goes_on_in_its_thread_beside_a_block(surroundings, begun_on):
    def threads():
        yield thread()
        while True:
            yield thread()

    async def sibling():
        await steps.opened.wait()
        steps.found = await hop(next, generator)
        steps.asked.set()

    steps, generator = Steps(), threads()
    async with surroundings():
        name, _ = await place()
        task = asyncio.create_task(sibling())
        if begun_on == "loop":
            next(generator)
        else:
            assert await hop(next, generator) == name
        async with aatomic():
            steps.opened.set()
            await steps.asked.wait()
        await task
        # A lease knows what was begun on its worker; a thread that is no worker knows nothing.
        goes_on = begun_on == "thread" or surroundings is no_lease
        assert (steps.found == name) is goes_on


def add_from(source):
    return add_sync(*source)


async def test_a_call_with_a_generator_goes_where_all_calls_of_its_code_go():
    """Not to the transaction of another task, which may be rolled back."""

    async def sibling(in_block):
        await steps.opened.wait()
        function = database_sync_to_async(add_from)
        if in_block:
            async with aatomic():
                await function(name for name in ["d"])
        else:
            await function(name for name in ["b", "c"])
        steps.count += 1

    steps = Steps()
    steps.count = 0
    async with worker_lease():
        await place()
        tasks = [asyncio.create_task(sibling(False))]
        with pytest.raises(ValueError, match="wrong"):
            async with aatomic():
                steps.opened.set()
                await until(lambda: steps.count == 1)
                tasks.append(asyncio.create_task(sibling(True), context=contextvars.Context()))
                raise ValueError("wrong")
        await asyncio.gather(*tasks)
        assert await names() == {"b", "c", "d"}


async def test_nothing_is_written_in_a_block_that_the_outer_one_has_ended():
    """Not even before its task hears of that: it would be committed at once."""

    async def inner():
        async with aatomic():
            steps.entered.set()
            await steps.go_on.wait()
            await add("a")

    steps = Steps()
    async with worker_lease():
        with pytest.raises(RuntimeError, match="still in an aatomic block"):
            async with aatomic():
                task = asyncio.create_task(inner())
                await steps.entered.wait()
                # The worker is busy, so that the end of the block is not done at once.
                slow = asyncio.create_task(sync_to_async(time.sleep)(0.2))
                await asyncio.sleep(0.02)
                asyncio.get_running_loop().call_later(0.05, steps.go_on.set)
        with pytest.raises(RuntimeError, match="was ended"):
            await task
        await slow
        assert await names() == set()


async def test_a_block_that_was_cut_off_before_it_began_leaves_its_connection():
    async with worker_lease():
        name, _ = await place()
        with Gate() as gate:
            task = asyncio.create_task(hop(gate))
            await gate.wait_entered()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02), aatomic():
                    raise AssertionError("it cannot begin")
            query = asyncio.create_task(place())
            await asyncio.sleep(0.02)
            gate.open()
            assert await query == (name, False)
            await task


@override_settings(ASYNCKIT_WORKERS=1, ASYNCKIT_WORKER_WAIT_SECONDS=5)
async def test_calls_beside_a_block_do_not_keep_it_from_its_worker():
    async def poll():
        while not done.is_set():
            await hop()
            await asyncio.sleep(0.01)

    async def slow():
        async with worker_lease():
            await hop(time.sleep, 0.2)

    done = asyncio.Event()
    first = asyncio.create_task(slow())
    await asyncio.sleep(0.05)
    async with worker_lease():
        polling = asyncio.create_task(poll())
        async with aatomic():
            await add("a")
        done.set()
        await polling
    await first
    assert await names() == {"a"}
