"""Programs that end with a block open: ``python -m tests.db.ends_of_process NAME``."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading

import django
from asgiref.sync import async_to_sync, sync_to_async


async def in_block(then):
    from django_asynckit.db import aatomic
    from tests.db.tools import add

    await add("before")
    async with aatomic():
        await add("first")
        await then()
        await add("last")


async def in_lease(then):
    from django_asynckit.workers import worker_lease

    async with worker_lease():
        await in_block(then)


async def items(then):
    from django_asynckit.db import aatomic
    from tests.db.tools import add

    await add("before")
    async with aatomic():
        await add("first")
        yield 1
        await add("last")


async def leave():
    sys.exit(0)


async def be_interrupted():
    os.kill(os.getpid(), signal.SIGINT)
    await asyncio.sleep(30)


def exits(work):
    asyncio.run(work(leave))


def exits_in_frame(work):
    async_to_sync(work)(leave)


def is_interrupted(work):
    asyncio.run(work(be_interrupted))


def is_interrupted_in_nested_frame(work):
    async def main():
        await sync_to_async(lambda: async_to_sync(work)(be_interrupted))()

    asyncio.run(main())


def ends_beside_thread(work):
    """The main thread ends while a daemon thread's loop is in the block."""
    is_in = threading.Event()

    async def stay():
        is_in.set()
        await asyncio.sleep(30)

    threading.Thread(target=asyncio.run, args=(work(stay),), daemon=True).start()
    assert is_in.wait(10)


def keeps_task(work):
    """The loop is stopped, and never closed; the task is still referenced."""

    async def main():
        kept.append(asyncio.create_task(work(stay)))
        await entered.wait()

    async def stay():
        entered.set()
        await asyncio.sleep(30)

    entered, loop = asyncio.Event(), asyncio.new_event_loop()
    kept.append(loop)
    loop.run_until_complete(main())


def keeps_generator(work):
    async def main():
        kept.append(items(None))
        await anext(kept[-1])

    loop = asyncio.new_event_loop()
    kept.append(loop)
    loop.run_until_complete(main())


def keeps_generator_of_closed_loop(work):
    keeps_generator(work)
    kept[0].close()


kept = []
#: Where each program has a process, one of a kind is enough.
ENDS = [
    exits,
    exits_in_frame,
    is_interrupted,
    is_interrupted_in_nested_frame,
    ends_beside_thread,
    keeps_task,
    keeps_generator,
    keeps_generator_of_closed_loop,
]
PROGRAMS = {
    f"{end.__name__}-{work.__name__}": (end, work)
    for end in ENDS
    for work in (in_block, in_lease)
    if not (end.__name__.startswith("keeps_generator") and work is in_lease)
}

if __name__ == "__main__":
    django.setup()
    end, work = PROGRAMS[sys.argv[1]]
    end(work)
