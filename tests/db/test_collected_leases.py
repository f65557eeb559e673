"""What is collected together with the lease that its block is on."""

from __future__ import annotations

import asyncio
import gc

import pytest
from asgiref.sync import sync_to_async

from django_asynckit.db import aatomic
from django_asynckit.workers import statistics, worker_lease
from tests.db.tools import add, names, place
from tests.workers.tools import thread, until, until_idle

pytestmark = pytest.mark.usefixtures("kept")


async def leave_straggler():
    """Leave a task in a block on the worker of a request that is over, with nobody who knows of it."""

    async def straggle():
        async with aatomic():
            await add("a")
            entered.set()
            await asyncio.get_running_loop().create_future()

    entered = asyncio.Event()
    async with worker_lease():
        task = asyncio.create_task(straggle())
        await entered.wait()
    await asyncio.sleep(0.02)  # Then its worker has forgotten the last call.
    del task


async def test_its_worker_goes_to_one_request_at_a_time():
    """It was given back twice, and two requests had one worker, and one transaction."""

    async def request(name):
        async with worker_lease():
            async with aatomic():
                await add(name)
                found = await place()
                await barrier.wait()
                return found

    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    barrier = asyncio.Barrier(1)
    for name in "bcd":
        await leave_straggler()
        gc.collect()
        await until_idle()
        assert statistics().idle == statistics().workers
        assert (await request(name))[1]
    assert await names() == {"b", "c", "d"}


async def test_the_next_request_on_its_worker_keeps_its_transaction():
    """What was collected was rolled back there, whoever had the worker by then."""

    async def next_request():
        async with worker_lease():
            async with aatomic():
                await add("b")
                opened.set()
                await collected.wait()
                await sync_to_async(thread)()
                return await place()

    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    opened, collected = asyncio.Event(), asyncio.Event()
    await leave_straggler()
    gc.collect()
    task = asyncio.create_task(next_request())
    await opened.wait()
    collected.set()
    assert (await task)[1]
    assert await names() == {"b"}
    await until(lambda: statistics().idle == statistics().workers)
