"""The table: each way out of a block of ``aatomic``, at each place where one can be.

Afterwards what the code writes next is in the database, what it wrote in the block is there whole or
not at all, no connection is in a transaction, no worker is held, and nothing has waited for long.
There is one exception, which ``Cell.expected`` states.

The rows that not all places have are below: a client that disconnects, since only a request has
one; a loop that is closed, since only code that has made a loop closes one; and the end of the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator

import pytest
import uvloop
from asgiref.sync import async_to_sync, sync_to_async
from django.db import connections

from django_asynckit.db import aatomic, agather, aon_commit
from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.workers import worker_lease
from django.test import override_settings
from django.urls import path
from tests.db import places
from tests.db.places import PLACES, Place
from tests.db.tools import add, add_sync, names, no_lease
from tests.db.ways import FIRST, LAST, WAYS, WAYS_OF_LOOPS, Cell, Way, state
from tests.driver import plain_root_logger, scope_for
from tests.servers.harness import ROOT
from tests.workers.tools import until_idle


@pytest.fixture(autouse=True)
def _loops_may_be_blocked(blockbuster):
    """The bodies are made by both sync and async code."""
    blockbuster.deactivate()


@contextlib.contextmanager
def loops_of_uvloop() -> Iterator[None]:
    """Let all loops be uvloop's, those too that asgiref makes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
        try:
            yield
        finally:
            asyncio.set_event_loop_policy(None)


@pytest.fixture(params=["asyncio", "uvloop"])
def each_loop(request):
    with loops_of_uvloop() if request.param == "uvloop" else contextlib.nullcontext():
        yield


@pytest.mark.parametrize("place", PLACES, ids=str)
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_what_is_written_next_is_there(kept, way: Way, place: Place):
    Cell(way, place, two_may_write=False).run()


@pytest.mark.parametrize("place", PLACES, ids=str)
@pytest.mark.parametrize("way", WAYS_OF_LOOPS, ids=str)
def test_what_is_written_next_is_there_on_uvloop(kept, way: Way, place: Place):
    with loops_of_uvloop():
        Cell(way, place, two_may_write=False).run()


# A client that disconnects. A script and a test have none.


class Gone:
    """A request whose client goes as soon as a block is open."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.left: list[str] = []

    async def block(self) -> None:
        async with aatomic():
            await add(FIRST)
            self.entered.set()
            await asyncio.Event().wait()

    async def async_view(self, request):
        await self.block()

    def sync_view(self, request):
        before = state()
        try:
            async_to_sync(self.block)()
        finally:
            self.left.append("here" if state() == before else "in a transaction")
            add_sync("after")

    async def branches(self, request):
        await agather(self.block(), asyncio.sleep(60))

    async def callback(self, request):
        """The commit is done, so its callbacks run to their end, whoever has gone."""

        async def write():
            async with aatomic():
                await add(FIRST)
                self.entered.set()
                await asyncio.sleep(0.05)

        async with aatomic():
            await aon_commit(write)

    async def drive(self, view, *middleware: str) -> None:
        async def receive():
            if requests:
                return requests.pop()
            await self.entered.wait()
            return {"type": "http.disconnect"}

        async def send(message):
            self.left.append(message["type"])

        requests = [{"type": "http.request", "body": b"", "more_body": False}]
        urls = type("Urls", (), {"urlpatterns": [path("", view)]})
        with plain_root_logger(), override_settings(ROOT_URLCONF=urls, MIDDLEWARE=middleware):
            await asyncio.create_task(ASGIHandler()(scope_for(), receive, send))


@pytest.mark.parametrize("is_atomic", [False, True], ids=["", "ATOMIC_REQUESTS"])
@pytest.mark.parametrize("middleware", [(), (f"{places.__name__}.sync_only",)], ids=["", "sync-middleware"])
@pytest.mark.parametrize("view", ["async_view", "sync_view", "branches", "callback"])
def test_a_client_that_disconnects(kept, monkeypatch, each_loop, view, middleware, is_atomic):
    async def main():
        gone = Gone()
        async with asyncio.timeout(10):
            await gone.drive(getattr(gone, view), *middleware)
        await until_idle()
        return gone.left, await names()

    monkeypatch.setitem(kept, "ATOMIC_REQUESTS", is_atomic)
    left, found = asyncio.run(main())
    expected = {"callback": {FIRST}, "sync_view": set() if is_atomic else {"after"}}
    assert left == (["here"] if view == "sync_view" else [])
    assert found == expected.get(view, set())
