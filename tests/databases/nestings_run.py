"""Runs random nestings and says what went wrong.

``--seed 0 --seconds 60`` runs many, ``--only SEED`` one of them again and again, and ``--shrink SEED``
takes away from it what is not needed to fail.
"""

from __future__ import annotations

import argparse
import asyncio
import contextvars
import faulthandler
import gc
import logging
import os
import pprint
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import django

#: A program takes a few hundredths of a second. What waits for longer than a turn may take hangs.
HANGS_AFTER = 25.0


def allowed(error: BaseException) -> str:
    """Name the kind of ``error`` if a program may end with it; the empty string if not."""
    from django_asynckit.exceptions import WorkerTimeout
    from tests.databases.nestings import PlannedError

    if isinstance(error, BaseExceptionGroup):
        kinds = {allowed(one) for one in error.exceptions}
        return "" if "" in kinds else "+".join(sorted(kinds))
    if isinstance(error, PlannedError | asyncio.CancelledError | WorkerTimeout):
        return type(error).__name__
    words = (
        "would wait for ever",
        "was ended, and rolled back",
        "was ended, and committed as far",
        "still in an aatomic block",
        "CurrentThreadExecutor already quit",
    )
    text = str(error)
    return next((w for w in words if isinstance(error, RuntimeError) and w in text), "")


class Batch:
    """Some programs at the same time, which share the workers."""

    def __init__(self, programs: dict[int, Any]) -> None:
        from tests.databases.nestings import Run

        self.programs = programs
        self.runs = {seed: Run(f"s{seed}", place) for seed, (place, _) in programs.items()}
        self.errors: Counter[str] = Counter()
        self.faults: list[str] = []

    async def run(self) -> None:
        tasks = {
            asyncio.create_task(self._one(seed), context=contextvars.Context()): seed
            for seed in self.programs
        }
        _, pending = await asyncio.wait(tasks, timeout=HANGS_AFTER)
        self.faults += [f"program {tasks[task]} hangs" for task in pending]
        if not pending:
            await self._check()

    async def _one(self, seed: int) -> None:
        from tests.databases.nestings import PLACES

        place, nodes = self.programs[seed]
        run = self.runs[seed]
        try:
            await PLACES[place](run, nodes)
        except BaseException as error:
            run.errors.append(error)
        await run.wait_for_left()
        run.left.clear()
        for error in run.errors:
            kind = allowed(error)
            self.errors[kind or repr(error)] += 1
            # A block that is refused is undone, with what others wrote on the same connection meanwhile.
            run.is_refused |= kind in ("would wait for ever", "still in an aatomic block")
            if not kind:
                self.faults.append(f"program {seed} ended with {error!r}")
        run.errors.clear()

    async def _check(self) -> None:
        from asgiref.sync import sync_to_async

        from tests.workers.tools import until_idle

        try:
            await until_idle()
        except AssertionError:
            self.faults.append(f"a worker is held: {sorted(self.programs)}")
            return
        rows: set[str] = set()
        for _ in range(100):  # What is collected as garbage ends soon, not at once.
            found, sessions = await sync_to_async(look, thread_sensitive=False)()
            rows |= found
            if not sessions:
                break
            await asyncio.sleep(0.03)
        else:
            self.faults.append(f"a transaction is open: {sessions}")
        for run in self.runs.values():
            self.faults += [] if run.is_refused else run.faults(rows)


def look() -> tuple[set[str], list[str]]:
    """Return the rows that are there, which are deleted, and what is in a transaction."""
    from django.db import connections

    connection = connections.create_connection("default")
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM databases_note WHERE tenant = 'nest' RETURNING text")
        rows = {text for (text,) in cursor.fetchall()}
        cursor.execute(
            "SELECT state || ': ' || query FROM pg_stat_activity"
            " WHERE datname = current_database() AND state LIKE 'idle in transaction%'"
        )
        sessions = [text for (text,) in cursor.fetchall()]
    connection.close()
    return rows, sessions


async def shrink(seed: int) -> int:
    from tests.databases.nestings import generate

    place, nodes = generate(seed)
    faults = await faults_of(place, nodes)
    if not faults:
        print(f"program {seed} does not fail alone")
        return 0
    tried = smaller(nodes)
    while (fewer := next(tried, None)) is not None:
        found = await faults_of(place, fewer)
        if found:
            nodes, faults, tried = fewer, found, smaller(fewer)
    print(*faults, sep="\n")
    pprint.pp((place, nodes), width=100)
    return 1


async def faults_of(place: str, nodes: list[Any]) -> list[str]:
    """Run a program some times, and say what went wrong first."""
    from django_asynckit.workers.context import POOL

    for _ in range(5):
        batch = Batch({1: (place, nodes)})
        await batch.run()
        if batch.faults:
            POOL.__init__()  # It may hold something.
            return batch.faults
    return []


def smaller(nodes: list[Any]) -> Iterator[list[Any]]:
    """Yield what ``nodes`` are without one of them, or with less in one of them."""
    for at in range(len(nodes)):
        yield [*nodes[:at], *nodes[at + 1 :]]
    for at, (kind, inside) in enumerate(nodes):
        yield from (
            [*nodes[:at], (kind, less), *nodes[at + 1 :]] for less in smaller(inside) if less
        )
        if kind in ("atomic", "lease", "gather", "agather", "group", "cancel", "timeout"):
            yield [*nodes[:at], *inside, *nodes[at + 1 :]]


async def run_for(arguments: argparse.Namespace) -> int:
    from tests.databases.nestings import generate

    if arguments.shrink is not None:
        return await shrink(arguments.shrink)
    until = time.monotonic() + arguments.seconds
    chosen = random.Random(arguments.seed)
    count, errors = 0, Counter()
    while time.monotonic() < until and (not arguments.count or count < arguments.count):
        seeds = arguments.only or [chosen.randrange(10**9) for _ in range(arguments.at_once)]
        batch = Batch({seed: generate(seed) for seed in seeds})
        await batch.run()
        count += len(seeds)
        errors += batch.errors
        if batch.faults:
            print(*batch.faults, sep="\n")
            for seed, program in batch.programs.items():
                print(f"--only {seed}")
                pprint.pp(program, width=100)
            print("all:", "--only", *batch.programs, flush=True)
            if any("hangs" in fault for fault in batch.faults):
                faulthandler.dump_traceback(all_threads=True)
                for task in asyncio.all_tasks():
                    task.print_stack(file=sys.stderr)
            return 1
        if count % 200 < len(seeds):
            gc.collect()
    print(f"{count} programs ran, first seed {arguments.seed}; errors: {dict(errors)}", flush=True)
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--at-once", type=int, default=3)
    parser.add_argument("--only", type=int, nargs="*")
    parser.add_argument("--shrink", type=int)
    parser.add_argument("--uvloop", action="store_true")
    arguments = parser.parse_args()
    django.setup()
    logging.disable(logging.CRITICAL)
    if arguments.uvloop:
        import uvloop

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(run_for(arguments))
    return asyncio.run(run_for(arguments))


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)  # What hangs would keep the process.
