"""Threads that wait in ``async_to_sync``: which of them runs a call, and which none any more."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from concurrent.futures import Future

from asgiref.current_thread_executor import CurrentThreadExecutor
from asgiref.sync import (
    AsyncToSync,
    SyncToAsync,
    ThreadSensitiveContext,
    async_to_sync,
    sync_to_async,
)

from django_asynckit import _bridge, _sync_frames
from django_asynckit._sync_frames import thread_is_in_use, waiting_executor


async def test_a_request_has_a_thread_from_its_first_hop_on():
    async with ThreadSensitiveContext():
        assert not thread_is_in_use()
        await _bridge.run_in_pool(int)
        assert not thread_is_in_use()
        await _bridge.run_in_worker(int)
        assert thread_is_in_use()


async def test_other_requests_have_threads_of_their_own():
    async with ThreadSensitiveContext():
        await _bridge.run_in_worker(int)
        context = contextvars.Context()
        assert await asyncio.create_task(new_request(), context=context) == [False, True]


async def new_request():
    async with ThreadSensitiveContext():
        before = thread_is_in_use()
        await _bridge.run_in_worker(int)
        return [before, thread_is_in_use()]


def test_without_a_context_all_share_one_thread():
    assert SyncToAsync.thread_sensitive_context.get(None) is None
    assert thread_is_in_use()


def test_a_thread_that_waits_for_us_may_have_connections():
    async def inside():
        async with ThreadSensitiveContext():
            return thread_is_in_use()

    assert async_to_sync(inside)() is True


def ended(outer=None):
    """An executor of a thread that waits in ``async_to_sync`` no more."""
    executor, future = CurrentThreadExecutor(outer), Future()
    future.set_result(None)
    executor.run_until_future(future)
    return executor


async def test_a_thread_that_waits_no_more_is_left():
    AsyncToSync.executors.current = ended(outer=ended())
    assert await _bridge.run_in_worker(threading.current_thread) is not threading.current_thread()
    assert not hasattr(_sync_frames._EXECUTORS, "current")


def test_a_thread_outside_of_it_that_waits_is_not_left():
    inner = ended()

    async def run():
        inner._old_executor = AsyncToSync.executors.current
        AsyncToSync.executors.current = inner
        return await sync_to_async(threading.current_thread)()

    assert async_to_sync(run)() is threading.current_thread()


def test_a_call_that_is_cancelled_leaves_the_frame_of_its_caller():
    """The sync code goes on, and waits in a frame that is not the caller's."""
    begins, is_blocked, entered, found = threading.Event(), threading.Event(), [], []

    def sync_code():
        begins.set()
        is_blocked.wait()
        async_to_sync(inside)()

    async def inside():
        entered.append(waiting_executor())

    async def caller():
        try:
            await sync_to_async(sync_code, thread_sensitive=False)()
        except asyncio.CancelledError:
            found.append(waiting_executor())

    async def run():
        call = asyncio.create_task(caller())
        await asyncio.to_thread(begins.wait)
        is_blocked.set()
        until = time.monotonic() + 0.1
        while time.monotonic() < until:
            """The thread comes to wait meanwhile, for what this loop has yet to begin."""
        call.cancel()
        await call
        while not entered:
            await asyncio.sleep(0.01)
        return waiting_executor()

    assert async_to_sync(run)() is found[0]
    assert entered[0] not in (None, found[0])


def test_attributes_that_are_not_ours_go_to_asgirefs_local():
    executors = AsyncToSync.executors
    assert not hasattr(executors, "another")
    executors.another = 1
    assert executors.another == 1
    del executors.another
    assert not hasattr(executors, "another")
