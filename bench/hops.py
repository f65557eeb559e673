#!/usr/bin/env python3
"""What one hop costs, without and with a query of the ORM on PostgreSQL: `python bench/hops.py`."""

from __future__ import annotations

import argparse
import asyncio
import os
import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Any

from harness.database import database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    #: Calls a function a number of times, one after the other.
    Way = Callable[[Callable[[], None], int], Awaitable[None]]


def configure() -> None:
    """Set Django up in this process, with persistent connections, on one core."""
    import django

    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    os.environ.update(
        BENCH_DATABASE="persistent",
        DJANGO_SETTINGS_MODULE="harness.django_settings",
        DJANGO_ALLOW_ASYNC_UNSAFE="1",  # For the line without a thread.
    )
    django.setup()


def nothing() -> None:
    """What blocks for no time at all."""


def query() -> None:
    """One query of the ORM."""
    from django.contrib.contenttypes.models import ContentType

    ContentType.objects.get(pk=1)


async def no_thread(function: Callable[[], None], times: int) -> None:
    """Django forbids queries there; this is what their code costs without a thread."""
    for _ in range(times):
        function()


async def executor(function: Callable[[], None], times: int) -> None:
    """The least that Python's own executor needs."""
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(max_workers=1) as threads:
        for _ in range(times):
            await loop.run_in_executor(threads, function)


async def inbox(function: Callable[[], None], times: int) -> None:
    """What our workers are made of: a thread and a queue."""
    loop, tasks = asyncio.get_running_loop(), queue.SimpleQueue()

    def work() -> None:
        while (future := tasks.get()) is not None:
            function()
            loop.call_soon_threadsafe(future.set_result, None)

    thread = threading.Thread(target=work)
    thread.start()
    for _ in range(times):
        future = loop.create_future()
        tasks.put(future)
        await future
    tasks.put(None)
    thread.join()


async def hop(function: Callable[[], None], times: int, outer: Any, inner: Any) -> None:
    """As Django's async methods do; ``outer()`` is around all calls, ``inner()`` around each."""
    from asgiref.sync import sync_to_async

    async with outer():
        for _ in range(times):
            async with inner():
                await sync_to_async(function)()


def ways() -> dict[str, Way]:
    """Return the ways to call a function, by their names."""
    from asgiref.sync import ThreadSensitiveContext

    from django_asynckit.workers import keeps_no_connection_state, worker_lease

    keeps_no_connection_state(nothing)
    keeps_no_connection_state(query)
    return {
        "no thread": no_thread,
        "ThreadPoolExecutor": executor,
        "a thread and a SimpleQueue": inbox,
        "sync_to_async, one thread for all": partial(
            hop, outer=ThreadSensitiveContext, inner=nullcontext
        ),
        "sync_to_async, one lease for all": partial(hop, outer=worker_lease, inner=nullcontext),
        "sync_to_async, a lease for each, as our handler": partial(
            hop, outer=nullcontext, inner=worker_lease
        ),
        "sync_to_async, a thread for each, as stock Django": partial(
            hop, outer=nullcontext, inner=ThreadSensitiveContext
        ),
    }


async def measure(rounds: int, times: int) -> AsyncIterator[tuple[str, str, float]]:
    """Yield what is called, how, and the CPU time of a call in µs: the median of the rounds."""
    for function in (nothing, query):
        found: dict[str, list[float]] = {name: [] for name in ways()}
        for _ in range(rounds + 1):  # The first one warms up.
            for name, call in ways().items():
                began = time.process_time()
                await call(function, times)
                found[name].append((time.process_time() - began) / times * 1e6)
        for name, costs in found.items():
            yield function.__name__, name, median(costs[1:])


async def report(rounds: int, times: int) -> None:
    """Print a line for each way."""
    async for what, how, cost in measure(rounds, times):
        print(f"{what:<10}{how:<54}{cost:>8.1f} µs", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--times", type=int, default=1000, help="calls in a round")
    options = parser.parse_args()
    with database():
        configure()
        import uvloop

        uvloop.run(report(options.rounds, options.times))
        from django_asynckit.workers.routes import POOL

        POOL.shut_down(5)


if __name__ == "__main__":
    main()
