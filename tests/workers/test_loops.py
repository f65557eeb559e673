"""Two event loops in one process: neither waits for the other."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from time import sleep

import pytest
import uvloop
from django.test import override_settings

from django_asynckit.workers import statistics, worker_lease
from tests.workers.tools import Gate, hop, until

RUNNERS = pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])


@pytest.fixture(autouse=True)
def _loops_may_be_blocked(blockbuster):
    blockbuster.deactivate()


async def leased(func, keeps_for=0.0):
    async with worker_lease():
        await hop(func)
        await asyncio.sleep(keeps_for)


@contextlib.contextmanager
def blocked_loop(run, *requests):
    """Another loop, on which ``requests`` wait for a worker, and then nothing goes on."""
    may_go_on, outcomes = threading.Event(), []

    async def main():
        before = statistics().waiting
        tasks = [asyncio.create_task(request) for request in requests]
        while statistics().waiting < before + len(tasks):
            await asyncio.sleep(0.001)
        is_blocked.set()
        assert may_go_on.wait(30)
        outcomes.extend(await asyncio.gather(*tasks, return_exceptions=True))

    is_blocked = threading.Event()
    thread = threading.Thread(target=run, args=(main(),), daemon=True)
    thread.start()
    assert is_blocked.wait(10)
    try:
        yield outcomes
    finally:
        may_go_on.set()
        thread.join(10)


@RUNNERS
@override_settings(ASYNCKIT_WORKERS=1, ASYNCKIT_WORKER_WAIT_SECONDS=20)
def test_waiters_are_served_behind_those_of_a_loop_that_is_blocked(run):
    async def main():
        with Gate() as gate:
            # It keeps its worker, and stops counting after a moment: an alarm has to tell.
            first = asyncio.create_task(leased(gate, keeps_for=60))
            await gate.wait_entered()
            with blocked_loop(run, leased(int)) as outcomes:
                others = [asyncio.create_task(leased(int)) for _ in range(3)]
                await until(lambda: statistics().waiting == 4)
                gate.open()
                async with asyncio.timeout(10):
                    await asyncio.gather(*others)
                assert outcomes == []  # It is blocked still.
            first.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await first
            assert outcomes == [None]

    run(main())


@RUNNERS
@override_settings(ASYNCKIT_WORKERS=1, ASYNCKIT_WORKER_WAIT_SECONDS=0.3)
def test_a_loop_that_is_late_takes_a_worker_that_is_free(run):
    """What waited while its own loop was blocked does not time out if nobody else wants a worker."""

    async def main():
        with Gate() as gate:
            first = asyncio.create_task(leased(gate, keeps_for=60))
            await gate.wait_entered()
            waiter = asyncio.create_task(leased(int))
            await until(lambda: statistics().waiting == 1)
            gate.open()
            sleep(0.6)  # The loop is blocked when the alarm should ring.
            await waiter
            first.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await first

    run(main())
