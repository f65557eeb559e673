"""``database_sync_to_async`` makes anything sync callable from async code, typed and in one hop."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
from asgiref.sync import async_to_sync, iscoroutinefunction, sync_to_async
from channels.db import database_sync_to_async as of_channels
from django.db import connection, transaction
from django.test import override_settings

from django_asynckit.db import aatomic, database_sync_to_async
from django_asynckit.trace import record_hops
from django_asynckit.workers import keeps_no_connection_state, worker_lease
from django_asynckit.workers.context import POOL
from tests.db.tools import Row, add, add_sync, names, no_lease, place
from tests.workers.tools import Gate, hop, thread, until_idle

pytestmark = pytest.mark.usefixtures("kept")


def double(number: int, *, plus: int = 0) -> int:
    """Double it."""
    return number * 2 + plus


class Doubler:
    @database_sync_to_async
    def method(self, number):
        return type(self).__name__, double(number)

    @database_sync_to_async
    @classmethod
    def outside_class(cls, number):
        return cls.__name__, double(number)

    @classmethod
    @database_sync_to_async
    def inside_class(cls, number):
        return cls.__name__, double(number)

    @database_sync_to_async(atomic=True)
    @staticmethod
    def static(number):
        return connection.in_atomic_block, double(number)

    def __call__(self, number):
        return double(number)


async def test_functions_keep_name_signature_and_docstring():
    adapted = database_sync_to_async(double)
    assert await adapted(2, plus=1) == 5
    assert (adapted.__name__, adapted.__doc__) == ("double", "Double it.")
    assert inspect.signature(adapted) == inspect.signature(double)
    assert iscoroutinefunction(adapted)
    assert adapted.func is adapted.__wrapped__ is double


async def test_methods_partials_and_objects_can_be_called():
    assert await Doubler().method(1) == ("Doubler", 2)
    assert await Doubler.outside_class(1) == await Doubler.inside_class(1) == ("Doubler", 2)
    assert await Doubler.static(1) == (True, 2)
    assert await database_sync_to_async(functools.partial(double, plus=3))(1) == 5
    assert await database_sync_to_async(Doubler())(1) == 2
    assert await database_sync_to_async(Doubler().__call__)(1) == 2
    assert isinstance(await database_sync_to_async(Doubler)(), Doubler)
    assert Doubler.method.func(Doubler(), 1) == ("Doubler", 2)


async def coroutine_function():
    """It is async."""


async def asynchronous_generator():
    yield


class CalledAsync:
    async def __call__(self):
        """It is async."""


@pytest.mark.parametrize(
    "func",
    [
        coroutine_function,
        asynchronous_generator,
        CalledAsync(),
        functools.partial(coroutine_function),
        database_sync_to_async(double),
        "no function",
    ],
    ids=repr,
)
def test_what_is_async_is_refused(func):
    with pytest.raises(TypeError, match="can only be applied to sync functions"):
        database_sync_to_async(func)


@pytest.mark.parametrize(
    "options",
    [
        {"durable": True},
        {"using": "default"},
        {"savepoint": False},
        {"own_connection": True, "thread_sensitive": False},
        {"executor": ThreadPoolExecutor(1)},
    ],
    ids=str,
)
def test_options_that_do_not_go_together_are_refused(options):
    with pytest.raises(TypeError):
        database_sync_to_async(double, **options)


def test_chunks_have_items():
    with pytest.raises(ValueError, match="at least 1, not 0"):
        database_sync_to_async(chunk_size=0)


@pytest.fixture
def executor():
    with ThreadPoolExecutor(1, thread_name_prefix="mine") as executor:
        yield executor


async def test_it_takes_what_channels_takes(executor):
    for adapt in (of_channels, database_sync_to_async):
        assert (await adapt(thread, False, executor)()).startswith("mine")
        assert await adapt(func=double, thread_sensitive=True, executor=None)(1) == 2
    variable = contextvars.ContextVar("variable")
    context = contextvars.copy_context()
    await database_sync_to_async(variable.set, context=context)(3)
    assert context[variable] == 3


@pytest.mark.parametrize("adapt", [of_channels, database_sync_to_async])
async def test_outside_of_workers_old_connections_are_closed(kept, monkeypatch, executor, adapt):
    monkeypatch.setitem(kept, "CONN_MAX_AGE", 0)

    def query():
        Row.objects.count()
        return connection.connection

    def look():
        return connection.connection

    async with no_lease():
        assert await adapt(query)() is not None
        assert await sync_to_async(look)() is None
        assert await adapt(query, False, executor)() is not None
        assert await sync_to_async(look, thread_sensitive=False, executor=executor)() is None


async def test_in_a_worker_the_connection_stays_for_the_request(monkeypatch, kept):
    monkeypatch.setitem(kept, "CONN_MAX_AGE", 0)

    def query():
        Row.objects.count()
        return connection.connection

    async with worker_lease():
        first = await database_sync_to_async(query)()
        assert await database_sync_to_async(query)() is first


async def test_a_call_is_one_hop():
    async with worker_lease():
        for options in ({}, {"atomic": True}):
            with record_hops() as trace:
                await database_sync_to_async(add_sync, **options)(str(options))
            assert len(trace.hops) == 1


async def test_a_transaction_rolls_back():
    @database_sync_to_async(atomic=True)
    def work(fails):
        add_sync("a")
        if fails:
            raise ValueError("wrong")

    async with worker_lease():
        with pytest.raises(ValueError, match="wrong"):
            await work(True)
        assert await names() == set()
        await work(False)
        assert await names() == {"a"}


@pytest.mark.parametrize("surroundings", [worker_lease, no_lease], ids=["worker", "script"])
async def test_in_a_block_it_is_a_savepoint_or_durable(surroundings):
    def fail():
        add_sync("b")
        raise ValueError("wrong")

    async with surroundings():
        async with aatomic():
            await add("a")
            with pytest.raises(ValueError, match="wrong"):
                await database_sync_to_async(fail, atomic=True)()
            with pytest.raises(RuntimeError, match="durable atomic block cannot be nested"):
                await database_sync_to_async(double, atomic=True, durable=True)(1)
            assert await database_sync_to_async(place.func)() == await place()
        assert await names() == {"a"}


@pytest.mark.parametrize("surroundings", [worker_lease, no_lease], ids=["worker", "script"])
async def test_a_connection_of_its_own_is_outside_of_the_transaction(surroundings):
    @database_sync_to_async(own_connection=True)
    def count():
        return thread(), connection.in_atomic_block, Row.objects.count()

    async with surroundings():
        async with aatomic():
            await add("a")
            name, is_in, found = await count()
            assert (is_in, found) == (False, 0)
            assert name != (await place())[0]
    await until_idle()


async def test_calls_with_own_connections_run_at_the_same_time():
    barrier = threading.Barrier(3, timeout=10)
    meet = database_sync_to_async(barrier.wait, own_connection=True)
    async with worker_lease():
        await asyncio.gather(meet(), meet(), meet())
    await until_idle()


@override_settings(ASYNCKIT_WORKERS=1)
async def test_inside_a_transaction_such_a_call_does_not_wait_for_the_limit():
    async with worker_lease():
        async with aatomic():
            with Gate() as gate:
                slow = asyncio.create_task(hop(gate))
                await gate.wait_entered()
                await database_sync_to_async(double, own_connection=True)(1)
                gate.open()
                await slow
    await until_idle()


async def test_a_connection_of_its_own_under_a_sync_frame():
    def sync():
        with transaction.atomic():
            return async_to_sync(database_sync_to_async(place.func, own_connection=True))()

    async with worker_lease():
        mine = await place()
        name, is_in = await sync_to_async(sync)()
        assert name != mine[0]
        assert not is_in
    await until_idle()


async def test_the_declaration_of_a_function_counts():
    @keeps_no_connection_state
    def clean():
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA user_version")

    for options in ({}, {"atomic": True}):
        async with worker_lease():
            await database_sync_to_async(clean, **options)()
            (worker,) = POOL.workers()
            assert worker.lease().is_stateless
        async with worker_lease():
            await database_sync_to_async(add_sync, **options)()
            (worker,) = POOL.workers()
            assert not worker.lease().is_stateless


async def test_a_block_of_orm_calls_lends_its_worker_afterwards():
    async with worker_lease():
        async with aatomic():
            await add("a")
            (worker,) = POOL.workers()
            assert not POOL._register.lendable
        assert list(POOL._register.lendable) == [worker]


@database_sync_to_async(chunk_size=2)
def numbers(until, fails=False):
    try:
        seen.append((thread(), "begin"))
        yield from range(until)
        if fails:
            raise ValueError("wrong")
    finally:
        seen.append((thread(), "end"))


seen = []


@pytest.fixture
def steps():
    seen.clear()
    return seen


@pytest.mark.parametrize("until", [0, 1, 2, 5])
async def test_a_generator_becomes_an_async_generator(steps, until):
    assert inspect.isasyncgenfunction(numbers)
    async with worker_lease():
        with record_hops() as trace:
            assert [number async for number in numbers(until)] == list(range(until))
    assert len(trace.hops) == until // 2 + 1
    assert len({name for name, _ in steps}) == 1
    assert [step for _, step in steps] == ["begin", "end"]


async def test_its_error_comes_behind_its_items(steps):
    found = []
    async with worker_lease():
        with pytest.raises(ValueError, match="wrong"):
            async for number in numbers(3, fails=True):
                found.append(number)
    assert found == [0, 1, 2]


async def test_a_generator_that_is_left_early_is_closed_where_it_ran(steps):
    async with worker_lease():
        generator = numbers(5)
        async for number in generator:
            if number == 1:
                break
        await generator.aclose()
        assert [step for _, step in steps] == ["begin", "end"]
        assert len({name for name, _ in steps}) == 1
    await until_idle()


@pytest.mark.parametrize("options", [{"atomic": True}, {"own_connection": True}], ids=str)
def test_a_generator_takes_no_transaction(options):
    with pytest.raises(TypeError, match="A generator takes neither"):
        database_sync_to_async(**options)(numbers.func)


async def test_a_queryset_that_is_not_evaluated_can_be_warned_of():
    async with worker_lease():
        with pytest.warns(RuntimeWarning, match="returned a queryset that is not evaluated"):
            await database_sync_to_async(Row.objects.all, warn_if_lazy=True)()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            await database_sync_to_async(Row.objects.all)()
            assert (
                await database_sync_to_async(lambda: list(Row.objects.all()), warn_if_lazy=True)()
                == []
            )
