"""Which connection ``database_sync_to_async`` finds in threads beside the request's own."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from asgiref.sync import async_to_sync, sync_to_async
from django.db import connection
from django.test import override_settings

from django_asynckit.db import aatomic, database_sync_to_async
from django_asynckit.workers import worker_lease
from django_asynckit.workers.register import RECENT
from tests.db.tools import Row
from tests.workers.tools import busy, driver, hop, thread, until_idle


def used_driver():
    Row.objects.count()
    return driver()


async def test_a_connection_that_got_too_old_in_an_executor_is_not_used_again(kept, monkeypatch):
    monkeypatch.setitem(kept, "CONN_MAX_AGE", 0.05)
    executor = ThreadPoolExecutor(1)
    call = database_sync_to_async(used_driver, thread_sensitive=False, executor=executor)
    first = await call()
    await asyncio.sleep(0.1)
    assert await call() is not first
    await asyncio.wrap_future(executor.submit(lambda: connection.close()))
    executor.shutdown(wait=False)


async def test_sync_code_that_waits_keeps_its_connection(database):
    """Its temporary tables are there."""

    def view():
        first = used_driver()
        try:
            return async_to_sync(database_sync_to_async(used_driver))() is first
        finally:
            connection.close()

    assert await sync_to_async(view, thread_sensitive=False)()


@override_settings(ASYNCKIT_WORKERS=1, ASYNCKIT_WORKER_WAIT_SECONDS=0.2)
async def test_in_a_block_a_call_with_its_own_connection_does_not_wait(kept):
    """The block, which others may wait for, would wait too."""
    alone = database_sync_to_async(thread, own_connection=True)
    async with worker_lease(), aatomic():
        mine = await hop()
        await asyncio.sleep(RECENT * 1.2)
        async with busy():
            assert await alone() != mine
    await until_idle()
