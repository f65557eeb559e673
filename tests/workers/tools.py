"""What tests of workers share."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from time import monotonic

from asgiref.sync import sync_to_async
from django.db import connections

from django_asynckit.workers import keeps_no_connection_state
from django_asynckit.workers.context import POOL


def thread() -> str:
    """A function that may have left anything on its connections."""
    return threading.current_thread().name


@keeps_no_connection_state
def clean_thread() -> str:
    return threading.current_thread().name


def driver(alias: str = "default"):
    """The driver's connection, as nobody notices who only tests."""
    return vars(connections[alias])["connection"]


async def hop(func=thread, *args, **kwargs):
    return await sync_to_async(func)(*args, **kwargs)


class Gate:
    """A function that runs in a worker until it is let go."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self._open = threading.Event()

    def __call__(self) -> str:
        self.entered.set()
        assert self._open.wait(10)
        return thread()

    def clean(self) -> str:
        return self()

    def open(self) -> None:
        self._open.set()

    async def wait_entered(self) -> None:
        await until(self.entered.is_set)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.open()


keeps_no_connection_state(Gate.clean)


async def until(condition, seconds=30.0) -> None:
    """Wait until ``condition()``."""
    end = monotonic() + seconds
    while not condition():
        assert monotonic() < end, "it never came to pass"
        await asyncio.sleep(0.005)


async def until_idle() -> None:
    """Wait until every worker is idle."""
    await until(is_idle)


def is_idle() -> bool:
    statistics, register = POOL.statistics(), POOL._register
    return (
        not (statistics.running or statistics.resting or statistics.waiting or register.closing)
        and statistics.idle == statistics.workers
    )


def alive() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name.startswith("asynckit-worker-")]


@contextlib.asynccontextmanager
async def busy(first=None):
    """Another request, which runs something in its worker; ``first`` is called there before."""
    from django_asynckit.workers import worker_lease

    def both():
        first()
        gate()

    async def run():
        async with worker_lease():
            await hop(gate if first is None else both)

    with Gate() as gate:
        task = asyncio.create_task(run())
        await gate.wait_entered()
        try:
            yield gate
        finally:
            gate.open()
            await task


def query():
    """A function that asks the database, with the fixture ``database``."""
    from django.contrib.contenttypes.models import ContentType

    return ContentType.objects.count(), thread()


def connected():
    """Another request, which holds a connection while it runs something."""
    return busy(query)
