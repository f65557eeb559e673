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
import contextvars
import gc
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator

import pytest
import uvloop
from asgiref.sync import async_to_sync, sync_to_async
from django.test import override_settings
from django.urls import path

from django_asynckit.db import aatomic, agather, aon_commit
from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.workers import worker_lease
from tests.db import places
from tests.db.cancelling import Left
from tests.db.ends_of_process import PROGRAMS
from tests.db.places import PLACES, Place
from tests.db.tools import add, add_sync, names, no_lease
from tests.db.ways import FIRST, WAYS, WAYS_OF_LOOPS, Cell, Way, state
from tests.driver import plain_root_logger, scope_for
from tests.servers import harness
from tests.workers.tools import is_idle, until, until_idle


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
@pytest.mark.parametrize(
    "middleware", [(), (f"{places.__name__}.sync_only",)], ids=["", "sync-middleware"]
)
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


# The end of the process, which is no request's.


@pytest.mark.parametrize("program", PROGRAMS)
def test_at_the_end_of_the_process_nothing_is_half_written(kept, program):
    command = [sys.executable, "-m", "tests.db.ends_of_process", program]
    environment = {
        **harness.environment(),
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "TESTS_DB": kept["NAME"],
    }
    done = subprocess.run(
        command, cwd=harness.ROOT, env=environment, capture_output=True, text=True, timeout=20
    )
    assert done.returncode in ((-signal.SIGINT, 130) if "interrupted" in program else (0,)), (
        done.stderr
    )
    assert asyncio.run(names()) == {"before"}


# A loop that is closed with a block open. Only code that has made a loop closes it: a script, and a
# thread of one's own, as libraries have it, beside any other code.


class Closed:
    """Leaves a block on a loop of its own, and closes that without cancelling anything."""

    def __init__(self, what: str, is_kept: bool, has_lease: bool = False) -> None:
        self.what, self.is_kept, self.has_lease = what, is_kept, has_lease
        self.kept: list[object] = []

    def run(self) -> None:
        loop = asyncio.new_event_loop()
        loop.set_exception_handler(lambda _loop, _context: None)  # A pending task is reported.
        loop.run_until_complete(self._leave_in_lease() if self.has_lease else self._leave())
        loop.close()
        if not self.is_kept:
            self.kept.clear()
            gc.collect()

    async def _leave_in_lease(self) -> None:
        async with worker_lease():
            await self._leave()

    async def _leave(self) -> None:
        entered = asyncio.Event()
        if self.what == "task":
            self.kept.append(asyncio.create_task(self._block(entered)))
            await entered.wait()
        elif self.what == "coroutine":
            self.kept.append(self._block(entered))
            task = asyncio.ensure_future(Left(self.kept[0]))
            await entered.wait()
            task.cancel()
            await asyncio.wait([task])
        else:
            self.kept.append(self._items())
            await anext(self.kept[0])

    async def _block(self, entered: asyncio.Event) -> None:
        async with aatomic():
            await add(FIRST)
            entered.set()
            await asyncio.Event().wait()

    async def _items(self):
        async with aatomic():
            await add(FIRST)
            yield

    def beside(self) -> None:
        """Run it in a thread with the context of the running code."""
        thread = threading.Thread(target=contextvars.copy_context().run, args=(self.run,))
        thread.start()
        thread.join(10)
        assert not thread.is_alive()

    async def from_async_code(self) -> None:
        await sync_to_async(self.beside, thread_sensitive=False)()
        async with aatomic():
            await add("block")
        await add("after")
        assert not await sync_to_async(lambda: state()[0])()

    # The places.

    def script(self) -> None:
        self.run()
        asyncio.run(self._write(no_lease()))

    async def _write(self, surroundings) -> None:
        async with surroundings:
            async with aatomic():
                await add("block")
            await add("after")
            assert not await sync_to_async(lambda: state()[0])()

    def beside_lease(self) -> None:
        async def main():
            async with worker_lease():
                await self.from_async_code()
            await until_idle()

        asyncio.run(main())

    def beside_script(self) -> None:
        async def main():
            async with no_lease():
                await self.from_async_code()

        asyncio.run(main())


@pytest.mark.parametrize("is_kept", [False, True], ids=["abandoned", "referenced"])
@pytest.mark.parametrize("what", ["task", "coroutine", "generator"])
@pytest.mark.parametrize("where", ["script", "beside_lease", "beside_script"])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_loop_that_is_closed(kept, each_loop, where, what, is_kept):
    closed = Closed(what, is_kept)
    getattr(closed, where)()
    assert asyncio.run(names()) == {"block", "after"}
    closed.kept.clear()
    gc.collect()
    asyncio.run(until_idle())
    assert asyncio.run(names()) == {"block", "after"}


@pytest.mark.parametrize("what", ["task", "coroutine", "generator"])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_loop_that_is_closed_with_its_lease_gives_the_worker_back(kept, each_loop, what):
    """Only what is abandoned: nobody else knows of the lease while the block is referenced."""
    Closed(what, is_kept=False, has_lease=True).run()
    # What is behind the generator, which is not closed: it would need its loop. The worker may be about
    # to let go of it.
    asyncio.run(until(lambda: gc.collect() >= 0 and is_idle()))
    asyncio.run(add("after"))
    assert asyncio.run(names()) == {"after"}
