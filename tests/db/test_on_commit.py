"""``aon_commit`` is ``transaction.on_commit``, with sync and async callbacks."""

from __future__ import annotations

import asyncio
import functools
import logging

import pytest
from asgiref.sync import sync_to_async
from django.db import transaction

from django_asynckit.db import aatomic, aon_commit
from django_asynckit.workers import worker_lease
from tests.db.tools import add, names, no_lease, place
from tests.workers.tools import thread, until_idle

pytestmark = pytest.mark.usefixtures("kept")
both = pytest.mark.parametrize("surroundings", [worker_lease, no_lease], ids=["worker", "script"])


@both
async def test_callbacks_run_in_order_after_the_outermost_commit(surroundings):
    async def asynchronous(number):
        assert not (await place())[1]
        called.append((number, await names()))

    def synchronous(number):
        called.append((number, thread()))

    called = []
    async with surroundings():
        async with aatomic():
            await add("a")
            async with aatomic():
                await aon_commit(functools.partial(synchronous, 1))
            await aon_commit(functools.partial(asynchronous, 2))
            await sync_to_async(transaction.on_commit)(functools.partial(synchronous, 3))
            name, _ = await place()
            assert called == []
        assert called == [(1, name), (2, {"a"}), (3, name)]


@both
async def test_those_of_what_is_rolled_back_are_dropped(surroundings):
    called = []
    async with surroundings():
        async with aatomic():
            await aon_commit(lambda: called.append("outer"))
            with pytest.raises(ValueError, match="wrong"):
                async with aatomic():
                    await aon_commit(lambda: called.append("inner"))
                    raise ValueError("wrong")
        assert called == ["outer"]
        with pytest.raises(ValueError, match="wrong"):
            async with aatomic():
                await aon_commit(lambda: called.append("other"))
                raise ValueError("wrong")
        assert called == ["outer"]


@both
async def test_without_a_transaction_it_is_called_at_once(surroundings):
    async def asynchronous():
        called.append(asyncio.get_running_loop())

    called = []
    async with surroundings():
        await aon_commit(lambda: called.append(1))
        await aon_commit(asynchronous)
        assert called == [1, asyncio.get_running_loop()]


class Callback:
    async def __call__(self):
        raise ValueError("wrong")


@both
async def test_an_error_is_raised_where_the_block_ends_and_the_data_is_there(surroundings):
    called = []
    async with surroundings():
        with pytest.raises(ValueError, match="wrong"):
            async with aatomic():
                await add("a")
                await aon_commit(Callback())
                await aon_commit(lambda: called.append(1))
        assert called == []
        assert await names() == {"a"}
        assert not (await place())[1]


async def test_a_robust_one_is_logged(caplog):
    async def fails():
        raise ValueError("wrong")

    called = []
    async with worker_lease():
        with caplog.at_level(logging.ERROR, logger="django.db.backends.base"):
            async with aatomic():
                await aon_commit(fails, robust=True)
                await aon_commit(Callback(), robust=True)
                await aon_commit(lambda: called.append(1))
        assert called == [1]
        first, second = (record.getMessage() for record in caplog.records)
        assert "fails" in first
        assert "wrong" in second


async def test_it_must_be_callable():
    async with worker_lease():
        with pytest.raises(TypeError, match="callback must be a callable"):
            await aon_commit("no function")


@both
async def test_a_callback_may_open_a_transaction(surroundings):
    async def asynchronous():
        async with aatomic(durable=True):
            assert (await place())[1]
            await add("b")

    async with surroundings():
        async with aatomic():
            await add("a")
            await aon_commit(asynchronous)
        assert await names() == {"a", "b"}
    await until_idle()


@both
async def test_a_task_that_a_callback_has_started_goes_on_after_it(surroundings):
    async def task():
        inside = await place()
        started.set()
        await ended.wait()
        after = await place()
        async with aatomic():
            return inside, after, await place()

    async def asynchronous():
        tasks.append(asyncio.create_task(task()))
        await started.wait()

    tasks, started, ended = [], asyncio.Event(), asyncio.Event()
    async with surroundings():
        async with aatomic():
            await aon_commit(asynchronous)
        ended.set()
        name, _ = await place()
        assert await tasks[0] == ((name, False), (name, False), (name, True))
    await until_idle()
