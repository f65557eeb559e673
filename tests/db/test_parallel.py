"""``agather`` and ``TaskGroup`` give each coroutine a connection of its own."""

from __future__ import annotations

import asyncio
import contextvars
import threading

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import connection, transaction
from django.test import override_settings

from django_asynckit.db import TaskGroup, aatomic, agather, database_sync_to_async
from django_asynckit.workers import statistics, worker_lease
from tests.db.tools import Row, add, names, no_lease, place
from tests.workers.tools import hop, thread, until_idle

pytestmark = pytest.mark.usefixtures("kept")
both = pytest.mark.parametrize("surroundings", [worker_lease, no_lease], ids=["worker", "script"])


async def meet(barrier, result=None):
    await hop(barrier.wait)
    return result


@both
async def test_it_runs_at_the_same_time_and_returns_results_in_order(surroundings):
    barrier = threading.Barrier(4, timeout=10)
    async with surroundings():
        assert await agather(*(meet(barrier, number) for number in range(4))) == (0, 1, 2, 3)
        assert await agather() == ()
    await until_idle()


async def test_a_branch_stays_on_its_connection_and_tasks_in_it_too():
    async def branch():
        first = await place()
        return {first, await place(), *await asyncio.gather(place(), place())}

    async with worker_lease():
        mine = await place()
        found = await agather(branch(), branch(), branch())
        assert [len(one) for one in found] == [1, 1, 1]
        assert len({mine, *(name for one in found for name in one)}) == 4
        assert await place() == mine
    await until_idle()


@both
async def test_an_iterator_from_outside_goes_on_in_its_thread(surroundings):
    def threads():
        while True:
            yield thread()

    async def read_on():
        own, _ = await place()
        return own, await hop(next, generator), [row.model async for row in rows]

    generator = threads()
    async with surroundings():
        await add(*"abcd")
        name = await hop(next, generator)
        rows = Row.objects.order_by("model").aiterator(chunk_size=1)
        assert (await anext(rows)).model == "a"
        ((own, read_in, found),) = await agather(read_on())
        assert own != name
        assert read_in == name
        assert found == list("bcd")
    await until_idle()


async def test_a_task_in_the_context_of_its_caller_leaves_nothing_there():
    async def request():
        async with worker_lease():
            mine = await place()
            async with TaskGroup() as group:
                task = group.create_task(place(), context=context)
            assert task.result() != mine
            assert await place() == mine

    context = contextvars.copy_context()
    await asyncio.create_task(request(), context=context)
    await until_idle()


@both
async def test_an_error_cancels_the_others(surroundings):
    async def fail():
        await Row.objects.acount()
        raise ValueError("wrong")

    async def wait():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    cancelled = []
    async with surroundings():
        with pytest.raises(ExceptionGroup) as caught:
            await agather(wait(), fail(), wait())
        assert [str(error) for error in caught.value.exceptions] == ["wrong"]
        assert len(cancelled) == 2
    await until_idle()


async def test_a_cancellation_reaches_all():
    async def wait():
        await Row.objects.acount()
        started.append(True)
        await asyncio.Event().wait()

    started = []
    async with worker_lease():
        task = asyncio.create_task(agather(wait(), wait()))
        while len(started) < 2:
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await until_idle()


async def test_at_most_so_many_run_at_a_time():
    async def work():
        running.append(len(running))
        await hop()
        most.append(len(running))
        running.pop()

    running, most = [], []
    async with worker_lease():
        await agather(*(work() for _ in range(10)), limit=3)
    assert max(most) <= 3
    await until_idle()


@pytest.mark.parametrize("limit", [0, -1])
async def test_a_limit_is_at_least_one(limit):
    with pytest.raises(ValueError, match="limit must be at least 1"):
        await agather(place(), limit=limit)


@pytest.mark.parametrize("limit", ["x", 1.5])
async def test_a_limit_is_a_whole_number(limit):
    with pytest.raises(TypeError, match=f"limit must be a whole number, not {limit!r}"):
        await agather(place(), limit=limit)


async def test_tasks_and_futures_are_refused_and_nothing_is_left_unawaited():
    task = asyncio.create_task(asyncio.sleep(0))
    for wrong in (task, asyncio.get_running_loop().create_future()):
        with pytest.raises(TypeError, match="a task or future: that runs already"):
            await agather(Row.objects.acount(), wrong)
    with pytest.raises(TypeError, match="an object of the class NoneType"):
        await agather(Row.objects.acount(), None)
    await task
    with pytest.raises(ExceptionGroup) as caught:
        async with TaskGroup() as group:
            group.create_task(Row.objects.acount())
            group.create_task(task)
    assert isinstance(caught.value.exceptions[0], TypeError)
    with pytest.raises(RuntimeError):
        group.create_task(Row.objects.acount())


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (Row.objects.all(), "an object of the class QuerySet."),
        (Row.objects.all().count, "the function QuerySet.count: was it to be called?"),
        (Row.objects.acount, "the function QuerySet.acount: was it to be called?"),
    ],
    ids=["queryset", "method", "method of a manager"],
)
async def test_what_was_passed_is_named_and_asks_no_database(wrong, text):
    with pytest.raises(TypeError) as caught:
        await agather(wrong)
    assert str(caught.value) == f"A coroutine is needed, not {text}"


async def test_a_group_is_a_task_group():
    async def add_more(group):
        await add("a")
        group.create_task(add("b"), name="later")

    async with worker_lease():
        async with TaskGroup() as group:
            task = group.create_task(add_more(group))
            assert isinstance(task, asyncio.Task)
        assert isinstance(group, asyncio.TaskGroup)
        assert await names() == {"a", "b"}
    await until_idle()


@pytest.mark.parametrize("keeps", [False, True], ids=["clean", "kept"])
@override_settings(ASYNCKIT_WORKERS=1)
async def test_one_worker_is_enough(keeps):
    async with worker_lease():
        if keeps:
            await hop()
            await Row.objects.acount()
        threads = await agather(*(hop() for _ in range(5)))
        assert len(set(threads)) <= 2
        assert await agather(nested(), nested()) == ((1, 2), (1, 2))
    await until_idle()


async def nested():
    async def one(number):
        async with aatomic():
            await Row.objects.acount()
        return number

    return await agather(one(1), one(2))


@override_settings(ASYNCKIT_WORKERS=1)
async def test_branches_that_run_on_the_requests_connection_have_blocks_apart():
    async def block(name):
        await hop()
        async with aatomic():
            await barrier.wait()
            places.append(await place())
            await barrier.wait()

    places, barrier = [], asyncio.Barrier(3)
    async with worker_lease():
        await hop()
        await agather(*(block(name) for name in "abc"), limit=3)
        assert len(set(places)) == 3
    await until_idle()


@both
async def test_in_a_transaction_it_runs_on_its_connection(surroundings):
    async with surroundings():
        with pytest.raises(ValueError, match="wrong"):
            async with aatomic():
                mine = await place()
                assert await agather(place(), place()) == (mine, mine)
                await agather(add("a"), add("b"))
                raise ValueError("wrong")
        assert await names() == set()


async def test_under_a_sync_transaction_it_runs_there():
    async def inner():
        return await agather(place(), place())

    def sync():
        with transaction.atomic():
            return place.func(), async_to_sync(inner)()

    async with worker_lease():
        mine, found = await sync_to_async(sync)()
        assert found == (mine, mine)


async def test_under_a_sync_frame_it_runs_beside_it():
    async def inner():
        return await agather(meet(barrier), meet(barrier))

    barrier = threading.Barrier(2, timeout=10)
    async with worker_lease():
        await sync_to_async(async_to_sync(inner))()
    await until_idle()


@both
async def test_branches_have_the_execute_wrappers_of_the_request(surroundings):
    def note(execute, sql, params, many, context):
        seen.append(thread())
        return execute(sql, params, many, context)

    seen = []
    async with surroundings():
        await sync_to_async(lambda: connection.execute_wrappers.append(note))()
        barrier = threading.Barrier(2, timeout=10)

        def query():
            barrier.wait()
            return Row.objects.count()

        await agather(hop(query), hop(query))
        await sync_to_async(lambda: connection.execute_wrappers.clear())()
    assert len(set(seen)) == 2
    await until_idle()
    assert statistics().resting == 0


@override_settings(ASYNCKIT_WORKERS=2)
async def test_branches_that_begin_with_a_block_or_a_group_are_limited_too():
    async def block():
        async with aatomic():
            workers.append(statistics().workers)

    async def group():
        await agather(block(), block())

    async def request():
        async with worker_lease():
            await agather(block(), group())

    workers = []
    await asyncio.gather(*(request() for _ in range(5)))
    assert len(workers) == 15
    assert max(workers) == 2


@both
async def test_branches_of_a_branch_that_has_run_nothing_are_like_the_request(surroundings):
    def wrapper(execute, *args):
        return execute(*args)

    async def wrappers():
        return await hop(lambda: list(connection.execute_wrappers))

    async def gathers():
        return await agather(wrappers())

    async def changes():
        await hop(clear)
        return await agather(wrappers())

    def clear():
        connection.execute_wrappers.clear()

    async with surroundings():
        await hop(lambda: connection.execute_wrappers.append(wrapper))
        assert await agather(gathers(), changes()) == (([wrapper],), ([],))
        own = database_sync_to_async(lambda: list(connection.execute_wrappers), own_connection=True)
        assert await agather(own()) == ([wrapper],)
        await hop(clear)
    await until_idle()


@override_settings(ASYNCKIT_WORKERS=2, ASYNCKIT_WORKER_WAIT_SECONDS=5)
async def test_sync_views_that_gather_do_not_wait_for_each_other():
    """Their workers wait for what runs beside them, so that must not wait for a worker."""

    async def both():
        return await agather(Row.objects.acount(), Row.objects.acount())

    async def request():
        async with worker_lease():
            return await hop(lambda: async_to_sync(both)())

    counts = await asyncio.gather(*(request() for _ in range(4)))
    assert counts == [[0, 0]] * 4 or counts == [(0, 0)] * 4
