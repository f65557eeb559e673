"""Many clients at once."""

from __future__ import annotations

import asyncio
import collections
import resource
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.targets import BODY

if TYPE_CHECKING:
    from harness.server import Server


@dataclass
class Outcome:
    """What came of a crowd."""

    right: int
    wrong: int
    #: Those that got no answer in time.
    unanswered: int
    #: Until the last answer.
    seconds: float
    most_threads: int = 0
    most_sessions: int = 0


def crowd(server: Server, path: str, clients: int, patience: float) -> Outcome:
    """Send one GET from each client, all at once; wait at most ``patience`` seconds for the answers."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 2 * clients:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(2 * clients, hard), hard))
    return asyncio.run(_crowd(server.port, path, clients, patience))


async def _crowd(port: int, path: str, clients: int, patience: float) -> Outcome:
    began = time.monotonic()
    tasks = [asyncio.create_task(_ask(port, path)) for _ in range(clients)]
    _, late = await asyncio.wait(tasks, timeout=patience)
    seconds = time.monotonic() - began
    for task in late:
        task.cancel()
    results = collections.Counter(await asyncio.gather(*tasks, return_exceptions=True))
    right = results[True]
    return Outcome(right, clients - right - len(late), len(late), seconds)


async def _ask(port: int, path: str) -> bool:
    """Say whether the answer was right."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    try:
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()
        )
        answer = await reader.read()
    except OSError:
        return False
    finally:
        writer.transport.abort()
    return answer.startswith(b"HTTP/1.1 200 ") and BODY in answer
