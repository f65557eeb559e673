"""The one door to asgiref. Canaries, not promises: what we use of its internals has this shape."""

from __future__ import annotations

import asyncio
import contextvars
import threading

import pytest
from asgiref.local import Local
from asgiref.sync import AsyncToSync, SyncToAsync, ThreadSensitiveContext, async_to_sync
from django.core.cache import caches

from django_asynckit import _bridge


@pytest.mark.parametrize(
    "local", [AsyncToSync.executors, caches._connections], ids=["executors", "caches"]
)
def test_the_locals_that_we_read_are_not_thread_critical(local):
    assert type(local) is type(Local())
    assert "never_set" not in _bridge.local_values(local)


def test_a_value_is_read_as_asgiref_reads_it():
    local = Local()
    assert _bridge.local_values(local) == {}
    local.name = "value"
    assert _bridge.local_values(local) == {"name": local.name} == {"name": "value"}
    del local.name
    assert _bridge.local_values(local) == {}


def test_a_value_of_another_thread_is_not_seen():
    local = Local()
    local.name = "value"
    context, seen = contextvars.copy_context(), []
    thread = threading.Thread(target=lambda: seen.append(context.run(_bridge.local_values, local)))
    thread.start()
    thread.join()
    assert seen == [{}]


async def test_a_request_has_a_thread_from_its_first_hop_on():
    async with ThreadSensitiveContext():
        assert not _bridge.thread_is_in_use()
        await _bridge.run_in_pool(int)
        assert not _bridge.thread_is_in_use()
        await _bridge.run_in_worker(int)
        assert _bridge.thread_is_in_use()


async def test_other_requests_have_threads_of_their_own():
    async with ThreadSensitiveContext():
        await _bridge.run_in_worker(int)
        context = contextvars.Context()
        assert await asyncio.create_task(new_request(), context=context) == [False, True]


async def new_request():
    async with ThreadSensitiveContext():
        before = _bridge.thread_is_in_use()
        await _bridge.run_in_worker(int)
        return [before, _bridge.thread_is_in_use()]


def test_without_a_context_all_share_one_thread():
    assert SyncToAsync.thread_sensitive_context.get(None) is None
    assert _bridge.thread_is_in_use()


def test_a_thread_that_waits_for_us_may_have_connections():
    async def inside():
        async with ThreadSensitiveContext():
            return _bridge.thread_is_in_use()

    assert async_to_sync(inside)() is True


class TestUninterrupted:
    async def test_a_result(self):
        assert await _bridge.uninterrupted(asyncio.sleep(0, "result")) == "result"

    async def test_an_error(self):
        async def fail():
            raise ValueError("wrong")

        with pytest.raises(ValueError, match="wrong"):
            await _bridge.uninterrupted(fail())

    @pytest.mark.parametrize("fails", [False, True])
    async def test_cancelled_twice_it_still_ends(self, fails):
        ended = []

        async def work():
            await asyncio.sleep(0.05)
            ended.append(True)
            if fails:
                raise ValueError("wrong")

        task = asyncio.create_task(_bridge.uninterrupted(work()))
        for _ in range(2):
            await asyncio.sleep(0.01)
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended == [True]

    async def test_work_that_cancels_itself(self):
        async def work():
            raise asyncio.CancelledError

        with pytest.raises(asyncio.CancelledError):
            await _bridge.uninterrupted(work())

    async def test_context_variables_come_back(self):
        variable = contextvars.ContextVar("variable", default="old")

        async def work():
            variable.set("new")

        await _bridge.uninterrupted(work())
        assert variable.get() == "new"
