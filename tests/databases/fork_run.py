"""Uses the database on a worker, forks, uses it in the child; says which sessions answered.

As gunicorn does when it loads the application before it forks, and that uses the database.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys

import django

django.setup()

from asgiref.sync import sync_to_async  # noqa: E402

from django_asynckit.workers import statistics, worker_lease  # noqa: E402
from tests.databases.urls import session_of_server  # noqa: E402


async def ask() -> int:
    async with worker_lease():
        return await sync_to_async(session_of_server)()


def run_child(output: int) -> None:
    inherited = statistics().workers
    with os.fdopen(output, "w") as file:
        json.dump(
            {"inherited": inherited, "sessions": [asyncio.run(ask()), asyncio.run(ask())]}, file
        )
    # The normal end, with all that is registered for it.
    sys.exit(0)


def main() -> None:
    before = asyncio.run(ask())
    children = []
    for _ in range(2):
        reading, writing = os.pipe()
        if not (child := os.fork()):
            os.close(reading)
            run_child(writing)
        os.close(writing)
        with os.fdopen(reading) as file:
            said = json.load(file)
        _, status = os.waitpid(child, 0)
        children.append({**said, "status": status, "parent_after": asyncio.run(ask())})
    print(json.dumps({"parent": before, "children": children}))


if __name__ == "__main__":
    main()
