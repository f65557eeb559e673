#!/usr/bin/env python3
"""Ten queries of 50 ms on PostgreSQL: gathered, with `agather`, and with one worker: `python bench/parallel.py`."""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from statistics import median
from typing import TYPE_CHECKING, Any

from harness.database import database

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

QUERIES, SECONDS = 10, 0.05


def configure() -> None:
    """Set Django up in this process, with persistent connections."""
    import django
    from django.conf import settings

    settings.configure(
        ASYNCKIT_WORKERS=QUERIES + 2,
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": os.environ["BENCH_DATABASE_NAME"],
                "HOST": os.environ.get("PGHOST", "127.0.0.1"),
                "USER": os.environ.get("PGUSER", "postgres"),
                "CONN_MAX_AGE": None,
            }
        },
    )
    django.setup()


def sleep_in_database() -> None:
    """One slow query."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_sleep({SECONDS})")


async def milliseconds(gather: Callable[..., Awaitable[Any]]) -> float:
    """How long all queries take together."""
    from django_asynckit.db import database_sync_to_async
    from django_asynckit.workers import keeps_no_connection_state

    # As of a query of the ORM: of raw SQL that calls a function, nobody knows what it leaves.
    query = database_sync_to_async(keeps_no_connection_state(sleep_in_database))
    started = time.perf_counter()
    await gather(*(query() for _ in range(QUERIES)))
    return (time.perf_counter() - started) * 1000


async def measure(rounds: int) -> dict[str, list[float]]:
    """Measure each way in each round, in a lease as a request has it; the first round warms up."""
    from functools import partial

    from django.test import override_settings

    from django_asynckit.db import agather
    from django_asynckit.workers import worker_lease

    found: dict[str, list[float]] = {"asyncio.gather": [], "agather": [], "agather, 1 worker": []}
    for _ in range(rounds + 1):
        async with worker_lease():
            found["asyncio.gather"].append(await milliseconds(asyncio.gather))
        async with worker_lease():
            found["agather"].append(await milliseconds(partial(agather, limit=QUERIES)))
        with override_settings(ASYNCKIT_WORKERS=1):
            async with worker_lease():
                found["agather, 1 worker"].append(await milliseconds(agather))
        # With one worker the others ended: warm them up again.
        async with worker_lease():
            await milliseconds(partial(agather, limit=QUERIES))
    return {name: times[1:] for name, times in found.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    with database():
        configure()
        found = asyncio.run(measure(options.rounds))
        from django_asynckit.workers.routes import POOL

        POOL.shut_down(5)
    print(f"{QUERIES} queries of {SECONDS * 1000:.0f} ms; median and all rounds, in ms:")
    for name, times in found.items():
        rounds = " ".join(f"{one:.0f}" for one in times)
        print(f"{name:<20}{median(times):>6.0f}   {rounds}")


if __name__ == "__main__":
    main()
