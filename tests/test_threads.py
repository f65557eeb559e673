"""Our own threads, for work that needs no worker."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import os
import sqlite3
import subprocess
import sys
import threading
import weakref
from time import monotonic, sleep

import pytest
import uvloop
from asgiref.sync import async_to_sync
from django.core.cache import caches
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, transaction
from django.test import override_settings
from django.utils import translation

from django_asynckit import _bridge, _threads
from django_asynckit._threads import Threads
from django_asynckit.trace import record_hops

RUNNERS = pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
CROSSINGS = pytest.mark.parametrize("cross", [_bridge.run_in_pool, _bridge.run_beside])
variable = contextvars.ContextVar("variable", default="nothing")


@pytest.fixture
def threads():
    threads = Threads("testing", 3)
    yield threads
    threads.shut_down(10)
    assert alive() == []


def alive():
    return [one for one in threading.enumerate() if one.name.startswith("testing-")]


def until(condition):
    end = monotonic() + 20
    while not condition():
        assert monotonic() < end
        sleep(0.005)


class Blocked:
    """Calls that run until they are let go."""

    def __init__(self, threads, count):
        self._open = threading.Event()
        self._entered = threading.Semaphore(0)
        self.futures = [threads.submit(self._call) for _ in range(count)]
        self._threads = threads

    def _call(self):
        self._entered.release()
        assert self._open.wait(20)

    def wait_entered(self, count):
        for _ in range(count):
            assert self._entered.acquire(timeout=20)
        assert not self._entered.acquire(blocking=False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._open.set()
        for future in self.futures:
            future.result(20)


class TestThreads:
    def test_one_that_waits_is_used_again(self, threads):
        names = set()
        for _ in range(5):
            names.add(threads.submit(lambda: threading.current_thread().name).result(10))
            until(lambda: threads._idle == 1)
        assert names == {"testing-1"}

    def test_there_are_no_more_than_the_limit(self, threads):
        with Blocked(threads, 5) as blocked:
            blocked.wait_entered(3)
            assert len(alive()) == 3
        assert len(alive()) == 3

    def test_arguments_results_and_errors(self, threads):
        assert threads.submit(dict, [("a", 1)], b=2).result(10) == {"a": 1, "b": 2}
        with pytest.raises(ZeroDivisionError) as caught:
            threads.submit(lambda: 1 / 0).result(10)
        assert caught.traceback[-1].name == "<lambda>"

    def test_what_is_cancelled_before_it_begins_does_not_run(self, threads):
        ran = []
        with Blocked(threads, 3) as blocked:
            blocked.wait_entered(3)
            assert threads.submit(ran.append, 1).cancel()
        assert threads.submit(int).result(10) == 0
        assert ran == []

    def test_a_thread_ends_after_a_while_without_work(self, threads, monkeypatch):
        monkeypatch.setattr(_threads, "IDLE_SECONDS", 0.05)
        assert threads.submit(int).result(10) == 0
        until(lambda: alive() == [])
        assert threads.submit(int).result(10) == 0

    def test_what_was_submitted_is_done_before_the_end_and_work_can_go_on_after_it(self, threads):
        done = []
        with Blocked(threads, 3) as blocked:
            blocked.wait_entered(3)
            threads.submit(done.append, 1)
            began = monotonic()
            threads.shut_down(0.1)  # It waits no longer for what runs.
            assert 0.09 < monotonic() - began < 10
        until(lambda: alive() == [])
        assert done == [1]
        assert threads.submit(int).result(10) == 0

    def test_a_thread_may_end_all(self, threads):
        threads.submit(threads.shut_down, 10).result(10)

    def test_nothing_of_a_call_is_kept(self, threads):
        class Argument:
            pass

        argument = Argument()
        future, reference = threads.submit(id, argument), weakref.ref(argument)
        future.result(10)
        del argument, future
        until(lambda: reference() is None)

    def test_an_error_is_in_no_cycle(self, threads):
        class Error(Exception):
            pass

        def fail():
            raise Error

        future = threads.submit(fail)
        reference = weakref.ref(future.exception(10))
        gc.disable()
        try:
            del future
            until(lambda: reference() is None)
        finally:
            gc.enable()

    def test_the_system_has_no_thread(self, threads, monkeypatch):
        def start(self):
            raise RuntimeError("can't start new thread")

        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", start)
            with pytest.raises(RuntimeError, match="can't start"):
                threads.submit(int)
            assert not threads._calls
        with Blocked(threads, 1) as blocked:
            blocked.wait_entered(1)
            with monkeypatch.context() as patch:
                patch.setattr(threading.Thread, "start", start)
                waits = threads.submit(int)  # For the thread that there is.
            assert not waits.done()
        assert waits.result(10) == 0

    def test_the_end_does_not_wait_for_a_thread_that_was_never_started(self, threads, monkeypatch):
        def start(self):
            threads.shut_down(10)
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(threading.Thread, "start", start)
        with pytest.raises(RuntimeError, match="can't start"):
            threads.submit(int)

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
    @pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Of a fork beside threads.
    def test_a_child_process_begins_without_threads(self, threads):
        with Blocked(threads, 3) as blocked:
            blocked.wait_entered(3)
            threads.submit(int)
            pid = os.fork()
            if pid == 0:
                os._exit(threads.submit(lambda: 7).result(10) if not threads._calls else 1)
            _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == 7

    def test_where_there_is_no_fork(self, monkeypatch):
        monkeypatch.delattr(os, "register_at_fork", raising=False)
        threads = Threads("testing", 1)
        assert threads.submit(int).result(10) == 0
        threads.shut_down(10)

    def test_the_end_of_the_process_waits_for_what_runs_but_not_for_long(self):
        program = (
            "import sys, time; from django_asynckit._threads import BESIDE, COMPUTING\n"
            "COMPUTING.submit(lambda: (time.sleep(0.3), print('done', flush=True)))\n"
            "BESIDE.submit(time.sleep, 60)\n"
        )
        began = monotonic()
        result = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, timeout=50, check=True
        )
        assert result.stdout == "done\n"
        assert monotonic() - began < 30


@CROSSINGS
class TestCrossings:
    async def test_arguments_and_result(self, cross):
        def view(func, loop):
            return func, loop

        assert await cross(view, func=1, loop=2) == (1, 2)

    async def test_an_error_comes_with_its_traceback(self, cross):
        def fail():
            raise ValueError("wrong")

        with pytest.raises(ValueError, match="wrong") as caught:
            await cross(fail)
        assert caught.traceback[-1].name == "fail"

    async def test_stop_iteration_ends_no_coroutine(self, cross):
        with pytest.raises(RuntimeError, match="StopIteration"):
            await cross(next, iter(()))

    async def test_a_cancellation_does_not_wait_for_the_thread(self, cross):
        may_end = threading.Event()
        task = asyncio.create_task(cross(may_end.wait, 20))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        may_end.set()

    async def test_it_is_a_hop_of_the_caller(self, cross):
        with record_hops() as trace:
            await cross(len, "four")
        (hop,) = trace.hops
        assert hop.target == "builtins.len"
        assert hop.caller.startswith(__file__)
        assert hop.thread.startswith("asynckit-")

    @RUNNERS
    def test_user_code_in_asyncios_executor_is_not_waited_for(self, cross, run, blockbuster):
        async def main():
            may_end = threading.Event()
            loop = asyncio.get_running_loop()
            hogs = [loop.run_in_executor(None, may_end.wait, 20) for _ in range(40)]
            try:
                async with asyncio.timeout(10):
                    return await cross(len, "four")
            finally:
                may_end.set()
                await asyncio.gather(*hogs)

        assert run(main()) == 4

    async def test_what_is_set_in_the_thread_is_lost(self, cross):
        variable.set("of the request")
        await cross(variable.set, "of the thread")
        assert variable.get() == "of the request"

    async def test_a_connection_is_closed_behind_it(self, cross, in_thread):
        first = await cross(in_thread)
        assert first.connection is None
        assert await cross(in_thread) is not first

    async def test_also_one_that_is_left_inside_a_transaction(self, cross, in_thread):
        def leave():
            transaction.atomic().__enter__()
            return in_thread()

        connection = await cross(leave)
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            connection.connection.cursor()

    async def test_one_that_is_broken_is_forgotten(self, cross, in_thread):
        def leave():
            connection = in_thread()
            connection.close = broken
            return connection

        def broken():
            raise OSError("the server has gone away")

        first = await cross(leave)
        assert await cross(in_thread) is not first
        first.connection.close()


@pytest.fixture
def in_thread(tmp_path, monkeypatch, django_db_blocker):
    """A function that opens a connection, in a file, and returns the wrapper."""
    monkeypatch.setitem(connections.settings["default"], "NAME", str(tmp_path / "db.sqlite3"))

    def use():
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT 1")
        return connections["default"]

    with django_db_blocker.unblock():
        yield use


@pytest.fixture
def german(blockbuster):
    blockbuster.deactivate()  # Files are read.
    with translation.override("de"):
        yield


async def test_our_own_work_sees_nothing_of_the_request(german):
    variable.set("of the request")
    assert await _bridge.run_in_pool(variable.get) == "nothing"
    with translation.override("de"):
        assert await _bridge.run_in_pool(translation.get_language) == "en-us"


class TestBeside:
    async def test_code_of_users_sees_the_context_and_locals(self, german):
        variable.set("of the request")
        assert await _bridge.run_beside(variable.get) == "of the request"
        with translation.override("de"):
            assert await _bridge.run_beside(translation.get_language) == "de"

    async def test_nothing_lazy_is_loaded(self):
        class Lazy:
            @property
            def __class__(self):
                raise AssertionError("it was loaded")

        lazy = Lazy()
        # Not for asyncio and pytest, which copy contexts too.
        context = contextvars.copy_context()
        context.run(variable.set, lazy)
        task = asyncio.create_task(
            _bridge.run_beside(lambda: variable.get() is lazy), context=context
        )
        assert await task is True

    @RUNNERS
    def test_async_code_runs_on_the_loop_of_the_request(self, run):
        async def running_loop():
            return asyncio.get_running_loop()

        async def main():
            loop = await _bridge.run_beside(async_to_sync(running_loop))
            assert loop is asyncio.get_running_loop()

        run(main())

    @override_settings(
        CACHES={
            name: {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
            for name in ("default", "other")
        }
    )
    async def test_a_cache_client_that_it_made_is_closed(self):
        closed = []

        def use(name):
            client = caches[name]
            client.close = lambda: closed.append(name)
            return client

        requests_own = use("default")
        assert await _bridge.run_beside(use, "default") is requests_own
        await _bridge.run_beside(use, "other")
        assert closed == ["other"]


async def test_without_databases_there_is_nothing_to_close(monkeypatch):
    def broken(self):
        raise ImproperlyConfigured

    monkeypatch.setattr(type(connections), "__iter__", broken)
    assert await _bridge.run_in_pool(len, "four") == 4
