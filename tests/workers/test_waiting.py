"""The alarm clock of the queue."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from time import monotonic

import pytest

from django_asynckit.workers.context import POOL
from django_asynckit.workers.job import Job
from django_asynckit.workers.lease import Lease
from django_asynckit.workers.waiting import Waiting


def waiting_lease():
    lease = Lease(POOL)
    lease.waiting = deque([Job(int, ())])
    return lease


def lease_of_closed_loop():
    async def make():
        return waiting_lease()

    return asyncio.run(make())


class Alarm:
    def __init__(self):
        self.rang = []
        self.waiting = Waiting(lambda: self.rang.append(monotonic()), threading.RLock())

    async def rings(self, times):
        """Wait until it has rung that often, and a moment longer; return how often it has."""
        async with asyncio.timeout(30):
            while len(self.rang) < times:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        return len(self.rang)


async def test_it_rings_once_at_the_time():
    alarm = Alarm()
    alarm.waiting.add(waiting_lease())
    when = monotonic() + 0.1
    for _ in range(3):
        alarm.waiting.set_alarm(when)
    assert await alarm.rings(1) == 1
    assert alarm.rang[0] >= when - 0.001


async def test_an_earlier_time_comes_first_and_a_later_one_changes_nothing():
    alarm = Alarm()
    alarm.waiting.add(waiting_lease())
    now = monotonic()
    alarm.waiting.set_alarm(now + 60)
    alarm.waiting.set_alarm(now + 0.1)
    alarm.waiting.set_alarm(now + 0.11)
    assert await alarm.rings(1) == 1


async def test_an_alarm_that_an_earlier_one_replaced_changes_nothing_when_it_rings():
    alarm = Alarm()
    alarm.waiting.add(waiting_lease())
    now = monotonic()
    alarm.waiting.set_alarm(now + 0.1)
    alarm.waiting.set_alarm(now)
    assert await alarm.rings(1) == 1
    alarm.waiting.set_alarm(now + 60)
    assert await alarm.rings(2) == 2
    assert list(alarm.waiting._alarms.values()) == [now + 60]


async def test_it_can_be_set_again():
    alarm = Alarm()
    alarm.waiting.add(waiting_lease())
    for count in (1, 2):
        alarm.waiting.set_alarm(monotonic())
        assert await alarm.rings(count) == count


@pytest.mark.parametrize("others", [1, 3])
def test_who_waits_on_a_closed_loop_is_forgotten(others):
    alarm = Alarm()
    for _ in range(others):
        alarm.waiting.add(lease_of_closed_loop())

    async def main():
        lease = waiting_lease()
        alarm.waiting.add(lease)
        alarm.waiting.set_alarm(monotonic())
        assert alarm.waiting.first() is lease
        return await alarm.rings(1)

    assert asyncio.run(main()) == 1


def test_with_nobody_left_there_is_no_alarm():
    alarm = Alarm()
    alarm.waiting.add(lease_of_closed_loop())
    alarm.waiting.set_alarm(monotonic())
    assert len(alarm.waiting) == 0


def test_the_loop_that_had_the_alarm_was_closed():
    alarm = Alarm()

    async def set_alarm(seconds):
        lease = waiting_lease()
        alarm.waiting.add(lease)
        alarm.waiting.set_alarm(monotonic() + seconds)
        return lease

    alarm.waiting.remove(asyncio.run(set_alarm(0.05)))
    before = len(alarm.rang)

    async def main():
        await set_alarm(0.1)
        return await alarm.rings(before + 1)

    assert asyncio.run(main()) == before + 1


async def test_each_loop_has_an_alarm_of_its_own(blockbuster):
    blockbuster.deactivate()
    alarm, is_set, may_end = Alarm(), threading.Event(), threading.Event()

    async def other():
        alarm.waiting.add(waiting_lease())
        is_set.set()
        assert may_end.wait(10)  # Its loop is blocked: nothing can ring there.

    thread = threading.Thread(target=asyncio.run, args=(other(),))
    thread.start()
    assert await asyncio.to_thread(is_set.wait, 10)
    alarm.waiting.add(waiting_lease())
    alarm.waiting.set_alarm(monotonic() + 0.05)
    assert await alarm.rings(1) == 1
    may_end.set()
    await asyncio.to_thread(thread.join)


def test_who_waits_on_two_loops_is_forgotten_when_both_are_closed():
    alarm, lease = Alarm(), lease_of_closed_loop()
    alarm.waiting.add(lease)

    async def main():
        lease.waiting.append(Job(int, ()))
        alarm.waiting.add(lease)
        alarm.waiting.set_alarm(monotonic())
        return await alarm.rings(1)

    assert asyncio.run(main()) == 1
    assert alarm.waiting.all() == [lease]
    alarm.waiting.set_alarm(monotonic())
    assert alarm.waiting.all() == []


def test_a_loop_that_is_closed_at_this_moment():
    alarm = Alarm()

    async def main():
        alarm.waiting.add(waiting_lease())
        return asyncio.get_running_loop()

    loop = asyncio.run(main())
    is_closed = loop.is_closed
    loop.is_closed = lambda: False  # As it was when it was asked.
    alarm.waiting.set_alarm(monotonic())
    loop.is_closed = is_closed
    assert len(alarm.waiting) == 0
