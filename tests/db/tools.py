"""What tests of transactions share."""

from __future__ import annotations

import asyncio
import contextlib

from asgiref.sync import sync_to_async
from django.contrib.contenttypes.models import ContentType
from django.db import connection, connections

from django_asynckit.workers import worker_lease
from tests.workers.tools import thread

#: One row for each name.
Row = ContentType


async def add(*names, using=None):
    for name in names:
        await Row.objects.using(using).acreate(app_label="app", model=name)


def add_sync(*names):
    for name in names:
        Row.objects.create(app_label="app", model=name)


async def names(using=None):
    """Return what is committed: read on another connection."""

    async def read():
        async with worker_lease():
            return {name async for name in Row.objects.using(using).values_list("model", flat=True)}

    return await asyncio.create_task(read())


@sync_to_async
def place():
    """Return the thread, and whether it is in a transaction."""
    return thread(), connection.in_atomic_block


@contextlib.asynccontextmanager
async def no_lease(closes=True):
    """A script, where asgiref has one thread for all."""
    await sync_to_async(connections.close_all)()
    yield
    if closes:
        await sync_to_async(connections.close_all)()


@sync_to_async
def clear():
    """Delete all rows, without looking for what refers to them."""
    Row.objects.all()._raw_delete("default")


def runner(loop, context):
    """Return a function that runs a coroutine on ``loop``, each in this one ``context``."""

    def run(coroutine):
        return loop.run_until_complete(loop.create_task(coroutine, context=context))

    return run
