"""A block whose event loop is closed while something still refers to its task."""

from __future__ import annotations

import asyncio

import pytest

from django_asynckit.db import aatomic
from django_asynckit.workers import statistics, worker_lease
from tests.db.tools import add, names
from tests.workers.tools import until, until_idle


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_it_is_rolled_back_when_one_more_worker_is_started(kept):
    kept_tasks = []

    async def hang():
        async with worker_lease(), aatomic():
            await add("a")
            await asyncio.Event().wait()

    async def start():
        kept_tasks.append(asyncio.ensure_future(hang()))
        await until(lambda: statistics().resting == 1)

    loop = asyncio.new_event_loop()
    loop.run_until_complete(start())
    loop.close()

    async def afterwards():
        async with worker_lease():
            await add("b")  # It needs a worker of its own, and the lock of the database.
        assert await names() == {"b"}

    asyncio.run(afterwards())
    kept_tasks.pop().get_coro().close()
    asyncio.run(until_idle())
