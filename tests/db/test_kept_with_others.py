"""A block that is left keeps what others wrote in it, also with a savepoint of a task open inside."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from asgiref.sync import async_to_sync
from django.db import connection

from django_asynckit.db import aatomic
from tests.db.cancelling import Left
from tests.db.tools import Row, add, place


def test_what_others_wrote_stays_also_with_a_savepoint_open(database):
    """There is one connection for all that runs in a thread which waits."""

    async def outer():
        async with aatomic():
            await add("a")
            tasks.append(asyncio.create_task(inner()))
            await asyncio.Event().wait()

    async def inner():
        async with aatomic():
            await add("b")
            is_open.set()
            await has_ended.wait()

    async def main():
        coroutine = outer()
        task = asyncio.ensure_future(Left(coroutine))
        await is_open.wait()
        await add("c")
        task.cancel()
        await asyncio.wait([task])
        coroutine.close()
        while (await place())[1]:
            await asyncio.sleep(0.005)
        has_ended.set()
        with pytest.raises(RuntimeError, match="with the block around it"):
            await tasks[0]

    def script():
        async_to_sync(main)()
        found = set(Row.objects.values_list("model", flat=True))
        connection.close()
        return found

    tasks, is_open, has_ended = [], asyncio.Event(), asyncio.Event()
    with ThreadPoolExecutor(1) as executor:  # Its connection is to the database of this test.
        assert "c" in executor.submit(script).result(20)
