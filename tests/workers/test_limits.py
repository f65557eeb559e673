"""Who gets a worker, and when."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from time import monotonic, sleep

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.test import override_settings

from django_asynckit.workers import (
    keeps_no_connection_state,
    register,
    statistics,
    waiting,
    worker_lease,
)
from django_asynckit.workers.context import POOL, current_lease
from django_asynckit.workers.job import spends_its_time_waiting
from django_asynckit.workers.register import RECENT
from django_asynckit.workers.worker import Worker
from tests.workers.tools import Gate, alive, busy, clean_thread, hop, thread, until, until_idle


def spends_its_time(gate):
    return gate()


spends_its_time_waiting(spends_its_time.__code__)


async def leased(func=thread, *args):
    async with worker_lease():
        return await hop(func, *args)


@override_settings(ASYNCKIT_WORKERS=3)
async def test_no_more_run_at_once_than_the_limit():
    running, most, lock = 0, 0, threading.Lock()

    def work():
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        sleep(0.01)
        with lock:
            running -= 1
        return thread()

    names = await asyncio.gather(*(leased(work) for _ in range(30)))
    assert most == statistics().limit == 3
    assert all(name.startswith("asynckit-worker-") for name in names)


@override_settings(ASYNCKIT_WORKERS=1)
async def test_first_come_first_served():
    order = []
    async with busy():
        tasks = []
        for number in range(5):
            tasks.append(asyncio.create_task(leased(order.append, number)))
            await until(lambda count=number + 1: statistics().waiting == count)
    await asyncio.gather(*tasks)
    assert order == [0, 1, 2, 3, 4]


@override_settings(ASYNCKIT_WORKERS=1)
async def test_who_comes_late_does_not_overtake():
    """Even if a worker is free at that moment."""
    order = []
    async with busy():
        first = asyncio.create_task(leased(order.append, "first"))
        await until(lambda: statistics().waiting == 1)
    # The loop has not run since the worker was let go.
    await asyncio.gather(leased(order.append, "second"), first)
    assert order == ["first", "second"]


@override_settings(ASYNCKIT_WORKERS=1)
async def test_who_keeps_a_worker_counts_for_a_tenth_of_a_second():
    async with worker_lease():
        mine = await hop()
        since = monotonic()
        async with busy() as gate:
            assert monotonic() - since >= RECENT * 0.9
            assert statistics().workers == 2
            # It has a worker, and waits for nobody although the limit is reached.
            assert await asyncio.wait_for(hop(), 2) == mine
            assert not gate._open.is_set()
    await until_idle()
    assert statistics().workers == 1, "the one too many has ended"


@override_settings(ASYNCKIT_WORKERS=1)
async def test_who_has_nothing_to_keep_makes_room_at_once(long_recent):
    async with worker_lease():
        mine = await hop(clean_thread)
        since = monotonic()
        async with worker_lease():
            assert await hop(clean_thread) == mine
        assert monotonic() - since < long_recent
        assert await hop(clean_thread) == mine


@override_settings(ASYNCKIT_WORKERS=1)
async def test_who_waits_is_served_when_an_iterator_is_dropped(long_recent):
    @keeps_no_connection_state
    def begun():
        generator = (number for number in range(2))
        next(generator)
        return generator

    async with worker_lease():
        generator = await hop(begun)
        other = asyncio.create_task(leased(clean_thread))
        await until(lambda: statistics().waiting == 1)
        del generator
        await asyncio.wait_for(other, long_recent)


@override_settings(ASYNCKIT_WORKERS=1)
async def test_after_a_tenth_of_a_second_the_oldest_lends():
    async with worker_lease():
        mine = await hop(clean_thread)
        await asyncio.sleep(RECENT * 1.2)
        assert statistics().resting == 1
        async with busy() as gate:
            gate.open()
        assert statistics().workers == 1
        await until_idle()
        assert await hop(clean_thread) == mine


@override_settings(ASYNCKIT_WORKERS=2)
async def test_an_idle_worker_comes_before_lending():
    async with worker_lease():
        mine = await hop(clean_thread)
        await asyncio.sleep(RECENT * 1.2)
        assert await leased(clean_thread) != mine


@override_settings(ASYNCKIT_WORKERS=1)
@pytest.mark.parametrize("hold", ["auto", "request"])
async def test_what_may_have_left_something_is_not_lent(hold):
    first = clean_thread if hold == "request" else thread
    with override_settings(ASYNCKIT_WORKER_HOLD=hold):
        async with worker_lease():
            mine = await hop(first)
            assert await leased(clean_thread) != mine
            assert await hop() == mine


def declared_copy():
    """What a decorator that copies attributes makes of a declared function."""

    def copy():
        return thread()

    copy.__dict__.update(clean_thread.__dict__)
    return copy


class Methods:
    @keeps_no_connection_state
    def clean(self):
        return thread()

    def other(self):
        return thread()


@override_settings(ASYNCKIT_WORKERS=1)
@pytest.mark.parametrize(
    ("make", "is_lent"),
    [
        (lambda: clean_thread, True),
        (lambda: Methods().clean, True),
        (lambda: Methods().other, False),
        (declared_copy, False),
        (lambda: Gate, False),
    ],
    ids=["declared", "method", "other method", "copy", "class"],
)
async def test_only_the_declared_function_itself_counts_as_clean(make, is_lent):
    async with worker_lease():
        await hop(make())
        await leased()
        await until_idle() if is_lent else await until(lambda: statistics().resting == 1)


@override_settings(ASYNCKIT_WORKERS=1, ASYNCKIT_WORKER_HOLD="call")
async def test_hold_call_gives_back_after_each_call():
    async with worker_lease():
        await hop()
        await until_idle()
        assert statistics().idle == 1


@override_settings(ASYNCKIT_WORKERS=1, ASYNCKIT_WORKER_HOLD="call")
async def test_hold_call_keeps_a_transaction(kept):
    atomic = transaction.atomic()
    async with worker_lease():
        await hop(atomic.__enter__)
        assert statistics().resting == 1
        await asyncio.sleep(RECENT * 1.2)
        await leased()
        assert statistics().resting == 1
        await hop(atomic.__exit__, None, None, None)
        await until_idle()


@override_settings(ASYNCKIT_WORKERS=1, ASYNCKIT_WORKER_WAIT_SECONDS=3)
async def test_who_begins_to_wait_at_the_moment_that_another_stops_counting_is_woken(monkeypatch):
    async with worker_lease():
        await hop()
        (rested,) = POOL._register.resting.values()
        # The clock is asked once just before that moment, and then after it.
        moments = iter([rested + RECENT * 0.99])
        monkeypatch.setattr(register, "monotonic", lambda: next(moments, rested + RECENT * 1.01))
        await asyncio.create_task(leased())


@override_settings(ASYNCKIT_WORKERS=1, ASYNCKIT_WORKER_WAIT_SECONDS=3)
async def test_who_waits_is_woken_although_the_loop_of_the_one_before_was_closed(monkeypatch):
    monkeypatch.setattr(register, "RECENT", 1.0)
    async with worker_lease():
        await hop()
        gives_up = asyncio.to_thread(asyncio.run, asyncio.wait_for(leased(), 0.3))
        first = asyncio.create_task(gives_up)
        await until(lambda: statistics().waiting == 1)
        second = asyncio.create_task(leased())
        with pytest.raises(TimeoutError):
            await first
        await second


@override_settings(ASYNCKIT_WORKERS=1)
async def test_a_long_wait_is_logged_once_a_second(caplog):
    async with busy():
        tasks = [asyncio.create_task(leased()) for _ in range(3)]
        await asyncio.sleep(1.1)
    await asyncio.gather(*tasks)
    (record,) = caplog.records
    assert record.name == "django_asynckit.workers"
    assert record.levelno == logging.WARNING
    assert "waited 1." in record.getMessage()
    assert "and 2 more wait" in record.getMessage()
    assert statistics().longest_wait >= 1
    assert statistics().waited >= 3


@override_settings(ASYNCKIT_WORKERS=1)
async def test_a_short_wait_is_not_logged(caplog):
    async with busy():
        task = asyncio.create_task(leased())
        await until(lambda: statistics().waiting == 1)
    await task
    assert caplog.records == []


@override_settings(ASYNCKIT_WORKERS=1)
async def test_who_is_cancelled_leaves_the_queue():
    ran = []
    async with busy():
        task = asyncio.create_task(leased(ran.append, 1))
        await until(lambda: statistics().waiting == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert statistics().waiting == 0
    assert ran == []


@override_settings(ASYNCKIT_WORKERS=1)
async def test_one_of_two_calls_that_wait_is_cancelled():
    ran = []
    async with busy(), worker_lease():
        tasks = [asyncio.create_task(hop(ran.append, number)) for number in range(2)]
        await until(lambda: statistics().waiting == 1)
        await asyncio.sleep(0)
        tasks[0].cancel()
        await asyncio.wait(tasks[:1])
        assert statistics().waiting == 1
    # The lease ended while it waited; the call is made nevertheless.
    await tasks[1]
    assert ran == [1]


@override_settings(ASYNCKIT_WORKERS=1)
async def test_frames_that_only_wait_do_not_count():
    with Gate() as gate:
        frames = [asyncio.create_task(leased(spends_its_time, gate)) for _ in range(5)]
        await until(lambda: statistics().workers == 5)
        assert statistics().running == 0
        await leased()
    assert len(set(await asyncio.gather(*frames))) == 5
    await until_idle()
    assert statistics().workers == 1


@override_settings(ASYNCKIT_WORKERS=1)
async def test_a_frame_takes_the_calls_that_wait_along():
    """They were made before it, in the same request."""
    order = []
    with Gate() as gate:
        gate.open()
        async with busy(), worker_lease():
            call = asyncio.create_task(hop(order.append, "call"))
            await until(lambda: statistics().waiting == 1)
            await hop(spends_its_time, gate)
            assert order == ["call"]
            await call


@override_settings(ASYNCKIT_WORKERS=4)
async def test_the_last_that_was_used_is_the_first_to_be_used_again():
    await asyncio.gather(*(leased(sleep, 0.02) for _ in range(4)))
    await until_idle()
    last = await leased()
    await until_idle()
    assert {await leased() for _ in range(3) if await until_idle() is None} == {last}


@override_settings(ASYNCKIT_WORKER_REUSE=False)
async def test_without_reuse_each_request_has_a_new_thread():
    started = statistics().started
    names = {await leased() for _ in range(3)}
    assert len(names) == 3
    assert statistics().started == started + 3
    await until(lambda: not alive())


@override_settings(ASYNCKIT_WORKER_IDLE_SECONDS=0.05)
@override_settings(ASYNCKIT_WORKERS=1, ASYNCKIT_WORKER_REUSE=False)
async def test_without_reuse_no_thread_is_lent():
    async with worker_lease():
        name = await hop(clean_thread)
        assert await leased(clean_thread) != name
        assert await hop(clean_thread) == name


async def test_an_idle_worker_ends(kept):
    async with worker_lease():
        await ContentType.objects.acount()
        await asyncio.sleep(0.2)
        assert len(alive()) == 1, "it is not idle: a request has it"
        (raw,) = next(iter(POOL.workers())).connections.raw()
    await until(lambda: not alive())
    assert statistics().workers == 0
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        _ = raw.in_transaction


def refuse(worker):
    raise RuntimeError("can't start new thread")


async def test_where_no_thread_can_be_started_the_calls_fail(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Worker, "start", refuse)
        async with worker_lease():
            for _ in range(2):
                with pytest.raises(RuntimeError, match="can't start new thread"):
                    await hop()
    assert await leased()


@override_settings(ASYNCKIT_WORKERS=1)
async def test_where_no_thread_can_be_started_those_who_wait_fail_too(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Worker, "start", refuse)
        patch.setattr(waiting, "_LONG", 0)  # To be logged by the worker, which has no thread.
        start = POOL._starter.start
        patch.setattr(POOL._starter, "start", lambda: None)
        tasks = [asyncio.create_task(leased()) for _ in range(3)]
        await until(lambda: statistics().waiting == 2)
        start()
        errors = await asyncio.gather(*tasks, return_exceptions=True)
    assert [str(error) for error in errors] == ["can't start new thread"] * 3


async def test_a_worker_that_never_began_does_not_count(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Worker, "start", refuse)
        async with worker_lease():
            POOL.reserve(current_lease.get())
    assert POOL._register.closing == 0
    assert statistics().workers == 0


async def test_shutting_down_waits_for_work_a_while():
    since = monotonic()
    async with busy() as gate:
        await asyncio.to_thread(POOL.shut_down, 0.2)
        assert 0.15 < monotonic() - since < 20
        assert len(alive()) == 1
        gate.open()
        await until(lambda: not alive())
    await leased()
    assert len(alive()) == 1


async def test_shutting_down_ends_idle_workers():
    await asyncio.gather(*(leased(sleep, 0.02) for _ in range(3)))
    await until_idle()
    assert len(alive()) == 3
    await asyncio.to_thread(POOL.shut_down, 5)
    assert alive() == []
    assert statistics().workers == 0


async def test_shutting_down_while_a_worker_starts(monkeypatch):
    start = Worker.start

    def shut_down_first(worker):
        POOL.shut_down(5)
        start(worker)

    monkeypatch.setattr(Worker, "start", shut_down_first)
    assert (await leased()).startswith("asynckit-worker")
    await until(lambda: not alive())


async def test_a_worker_may_shut_down_the_pool():
    await leased(POOL.shut_down, 5)
    await until(lambda: not alive())


async def test_statistics():
    before = statistics()
    async with worker_lease():
        await hop()
        async with busy():
            now = statistics()
    assert (now.workers, now.idle, now.running, now.resting, now.waiting) == (2, 0, 1, 1, 0)
    assert now.started == before.started + 2


@override_settings(ASYNCKIT_WORKERS=1)
async def test_frames_do_not_count_after_they_have_ended_either(long_recent):
    """Else downloads, whose chunks come every few milliseconds, would use up the limit."""
    with Gate() as gate:
        gate.open()
        async with worker_lease():
            await hop(thread)
            await hop(spends_its_time, gate)
            since = monotonic()
            await leased()
            assert monotonic() - since < long_recent


@override_settings(ASYNCKIT_WORKERS=1)
async def test_who_waits_is_served_when_a_request_that_counted_begins_a_frame(long_recent):
    with Gate() as gate:
        async with worker_lease():
            await hop(thread)
            task = asyncio.create_task(leased())
            await until(lambda: statistics().waiting == 1)
            since = monotonic()
            frame = asyncio.create_task(hop(spends_its_time, gate))
            await task
            assert monotonic() - since < long_recent
            gate.open()
            await frame
