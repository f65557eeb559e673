"""Patches are there while somebody records, and only then; other people's patches live on."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import AsyncToSync, SyncToAsync, async_to_sync, sync_to_async

from django_asynckit.trace import record_hops

POINTS = [
    (SyncToAsync, "__call__"),
    (AsyncToSync, "__call__"),
    (asyncio, "to_thread"),
    (asyncio.BaseEventLoop, "run_in_executor"),
    (threading.Thread, "start"),
]


def attributes() -> list[Any]:
    return [vars(owner)[name] for owner, name in POINTS]


@contextlib.contextmanager
def patched(owner: Any, name: str) -> Iterator[list[Any]]:
    """Patch the way APM tools do: wrap what is there, put back what was there."""
    before, seen = vars(owner)[name], []

    @functools.wraps(before)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(self)
        return before(self, *args, **kwargs)

    setattr(owner, name, wrapper)
    yield seen
    setattr(owner, name, before)


async def hop_both_ways() -> None:
    await sync_to_async(async_to_sync(asyncio.sleep))(0)


def directions(trace: Any) -> list[str]:
    return [hop.direction for hop in trace.hops]


def test_the_attributes_are_the_same_objects_before_and_after() -> None:
    before = attributes()
    with record_hops():
        inside = attributes()
        with record_hops():
            assert attributes() == inside
        assert attributes() == inside
    assert all(now is then for now, then in zip(attributes(), before, strict=True))
    assert not any(now is then for now, then in zip(inside, before, strict=True))


def test_they_are_put_back_after_an_exception() -> None:
    before = attributes()
    with contextlib.suppress(KeyError), record_hops():
        raise KeyError
    assert attributes() == before


def test_importing_it_patches_nothing_and_needs_no_settings() -> None:
    script = """if True:
        import asyncio, threading, asgiref.sync as s
        loop = asyncio.BaseEventLoop
        def found():
            return [s.SyncToAsync.__call__, s.AsyncToSync.__call__, asyncio.to_thread,
                    threading.Thread.start, loop.run_in_executor]
        before = found()
        from django_asynckit.trace import Hop, HopTraceMiddleware, Trace, record_hops
        import django_asynckit.trace.middleware as middleware
        assert middleware.HopTraceMiddleware is HopTraceMiddleware
        assert found() == before
        with record_hops() as trace:
            assert not set(found()) & set(before)
            asyncio.run(s.sync_to_async(len)("four"))
        assert found() == before
        from django.conf import settings
        assert not settings.configured
        print(trace.hops[0].target)
    """
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert (result.stdout, result.stderr) == ("builtins.len\n", "")


async def test_the_replacements_pass_as_coroutine_functions() -> None:
    from asgiref.sync import iscoroutinefunction

    with record_hops() as trace:
        assert iscoroutinefunction(sync_to_async(len).__call__)
        assert iscoroutinefunction(asyncio.to_thread)
        with pytest.raises(TypeError, match="sync functions"):
            sync_to_async(sync_to_async(len))
    assert trace.hops == []


async def test_code_outside_the_block_is_let_through_meanwhile() -> None:
    other_task_may_end, recording = asyncio.Event(), asyncio.Event()

    async def recorder() -> list[str]:
        with record_hops() as trace:
            recording.set()
            await other_task_may_end.wait()
        return directions(trace)

    task = asyncio.create_task(recorder())
    await recording.wait()
    await hop_both_ways()
    assert await asyncio.to_thread(len, "four") == 4
    assert await asyncio.get_running_loop().run_in_executor(None, len, "two") == 3
    threading.Thread(target=len, args=("",)).start()
    other_task_may_end.set()
    assert await task == []


@pytest.mark.parametrize("owner", [SyncToAsync, AsyncToSync])
async def test_a_patch_that_was_there_before_still_runs_and_stays(owner) -> None:
    with patched(owner, "__call__") as seen:
        theirs = vars(owner)["__call__"]
        with record_hops() as trace:
            await hop_both_ways()
        assert vars(owner)["__call__"] is theirs
        assert directions(trace) == ["to_loop", "to_thread"]
        [instance] = seen
        assert isinstance(instance, owner)


async def test_a_patch_made_with_wrapt_still_gets_its_instance() -> None:
    wrapt = pytest.importorskip("wrapt", reason="wrapt is not installed")
    seen, before = [], vars(SyncToAsync)["__call__"]

    def span(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        seen.append((instance.func.__name__, args))
        return wrapped(*args, **kwargs)

    wrapt.wrap_function_wrapper("asgiref.sync", "SyncToAsync.__call__", span)
    theirs = vars(SyncToAsync)["__call__"]
    with record_hops() as trace:
        assert await sync_to_async(len)("four") == 4
    assert vars(SyncToAsync)["__call__"] is theirs
    assert await sync_to_async(len)("two") == 3
    SyncToAsync.__call__ = before
    assert seen == [("len", ("four",)), ("len", ("two",))]
    assert directions(trace) == ["to_thread"]


async def test_a_patch_made_on_top_of_ours_is_not_destroyed() -> None:
    before = vars(SyncToAsync)["__call__"]
    recorder = record_hops()
    first = recorder.__enter__()
    ours = vars(SyncToAsync)["__call__"]
    with patched(SyncToAsync, "__call__") as seen:
        theirs = vars(SyncToAsync)["__call__"]
        recorder.__exit__(None, None, None)
        assert vars(SyncToAsync)["__call__"] is theirs
        await hop_both_ways()
        assert len(seen) == 1
        assert first.hops == []
        with record_hops() as second:
            await hop_both_ways()
        assert len(seen) == 2
        assert directions(second) == ["to_loop", "to_thread"]
    # They put ours back, which the next recorder takes away.
    assert vars(SyncToAsync)["__call__"] is ours
    with record_hops() as third:
        await hop_both_ways()
    assert directions(third) == ["to_loop", "to_thread"]
    assert vars(SyncToAsync)["__call__"] is before


async def test_a_patch_that_threw_ours_away_does_not_stop_the_next_recorder() -> None:
    before = vars(SyncToAsync)["__call__"]
    with record_hops():
        SyncToAsync.__call__ = before
    with patched(SyncToAsync, "__call__"):
        with record_hops() as trace:
            await hop_both_ways()
        assert directions(trace) == ["to_loop", "to_thread"]
    assert vars(SyncToAsync)["__call__"] is before


async def test_subclasses_with_a_handler_and_a_call_of_their_own_work() -> None:
    events: list[str] = []

    class Tidy(SyncToAsync):
        def thread_handler(self, loop, *args, **kwargs):
            events.append("open")
            try:
                return super().thread_handler(loop, *args, **kwargs)
            finally:
                events.append(f"close after {self.func.__name__} of {self.func.__self__}")

        async def __call__(self, *args, **kwargs):
            events.append("call")
            return await super().__call__(*args, **kwargs)

    with record_hops() as trace:
        assert await Tidy("four".upper)() == "FOUR"
    assert events == ["call", "open", "close after upper of four"]
    assert [hop.target for hop in trace.hops] == ["str.upper"]


async def test_channels_database_sync_to_async_works() -> None:
    database = pytest.importorskip("channels.db", reason="channels is not installed")
    with record_hops() as trace:
        assert await database.database_sync_to_async(len)("four") == 4
    assert [hop.target for hop in trace.hops] == ["builtins.len"]
