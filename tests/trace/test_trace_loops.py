"""Hops made with asyncio's own functions, on its own loop and on uvloop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from multiprocessing import get_context

import pytest
from asgiref.sync import async_to_sync, sync_to_async

from django_asynckit.trace import record_hops


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def name_of_thread() -> str:
    return threading.current_thread().name


async def own_hop() -> str:
    return await asyncio.to_thread(name_of_thread)


async def one_of_each() -> None:
    with record_hops() as trace:
        names = [
            await asyncio.to_thread(name_of_thread),
            await asyncio.get_running_loop().run_in_executor(None, name_of_thread),
            await sync_to_async(name_of_thread)(),
            await sync_to_async(name_of_thread, thread_sensitive=False)(),
        ]
    assert [hop.thread for hop in trace.hops] == names
    assert {hop.target for hop in trace.hops} == {f"{__name__}.name_of_thread"}
    assert {hop.direction for hop in trace.hops} == {"to_thread"}
    assert {hop.caller.rpartition(":")[0] for hop in trace.hops} == {__file__}
    assert min(hop.waited for hop in trace.hops) > 0


async def test_each_way_counts_once() -> None:
    await one_of_each()


def test_each_way_counts_once_on_uvloop() -> None:
    uvloop = pytest.importorskip("uvloop", reason="uvloop is not installed")
    own = vars(uvloop.Loop).copy()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(one_of_each())
    assert vars(uvloop.Loop) == own


async def test_hops_made_inside_run_in_executor_are_seen(pool) -> None:
    loop = asyncio.get_running_loop()
    with record_hops() as trace:
        await loop.run_in_executor(pool, async_to_sync(own_hop))
    left_in_thread = await loop.run_in_executor(pool, copy_context)
    assert [hop.direction for hop in trace.hops] == [
        "to_thread",
        "to_loop",
        "to_thread",
    ]
    names = [hop.target.rpartition(".")[2] for hop in trace.hops]
    assert names == ["name_of_thread", "own_hop", "own_hop"]
    assert not [var for var in left_in_thread if var.name == "django_asynckit.trace"]


async def test_partials_keep_their_meaning() -> None:
    loop, context = asyncio.get_running_loop(), copy_context()
    with record_hops() as trace:
        assert await loop.run_in_executor(None, partial(max, 1, 2)) == 2
        assert await loop.run_in_executor(None, partial(context.run, max, 1), 2) == 2
        assert await loop.run_in_executor(None, partial(context.run), max, 1, 2) == 2
    assert [hop.target for hop in trace.hops] == [
        "builtins.max",
        "builtins.max",
        "Context.run",
    ]


async def test_exceptions_and_cancellation_in_run_in_executor(pool) -> None:
    loop, release = asyncio.get_running_loop(), threading.Event()
    with record_hops() as trace:
        with pytest.raises(ValueError, match="invalid literal"):
            await loop.run_in_executor(pool, int, "x")
        busy = loop.run_in_executor(pool, release.wait, 5)
        queued = loop.run_in_executor(pool, name_of_thread)
        queued.cancel()
        with pytest.raises(asyncio.CancelledError):
            await queued
        await asyncio.sleep(0)  # Until then, the job is still in the pool's queue.
        release.set()
        await busy
    assert [hop.target.rpartition(".")[2] for hop in trace.hops] == [
        "int",
        "name_of_thread",
        "wait",
    ]
    assert trace.hops[1].thread == ""


async def test_what_run_in_executor_refuses_is_no_hop(pool) -> None:
    loop = asyncio.get_running_loop()
    loop.set_debug(True)  # Else it takes a coroutine function.
    pool.shutdown()
    with record_hops() as trace:
        with pytest.raises(RuntimeError, match="after shutdown"):
            loop.run_in_executor(pool, name_of_thread)
        with pytest.raises(TypeError, match="coroutines cannot be used"):
            loop.run_in_executor(None, own_hop)
    assert (trace.hops, trace.unfinished) == ([], 0)


def test_a_process_pool_works_and_is_no_hop() -> None:
    async def work() -> None:
        loop = asyncio.get_running_loop()
        with record_hops() as trace:
            assert await loop.run_in_executor(pool, len, "four") == 4
        assert (trace.hops, trace.unfinished) == ([], 0)

    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        assert pool.submit(len, "two").result() == 3
        asyncio.run(work())
