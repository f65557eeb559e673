"""Many clients at once."""

from __future__ import annotations

import asyncio
import collections
import resource
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.servers.harness import HOST, Server


@dataclass
class Answers:
    """What came back, in the order of the requests; 0 is the status of a connection that was lost."""

    statuses: list[int]
    bodies: list[str]
    seconds: float = field(default=0.0)

    def counted(self) -> dict[int, int]:
        return dict(collections.Counter(self.statuses))


def ask(server: Server, targets: Iterable[str], concurrency: int = 20, **headers: str) -> Answers:
    """Send a GET for each target, as many at once as ``concurrency`` says."""
    _allow_files(2 * concurrency + 200)
    return asyncio.run(_ask(server.port, list(targets), concurrency, headers))


def ask_one(server: Server, target: str, **headers: str) -> str:
    """Send one GET; it must succeed."""
    answers = ask(server, [target], **headers)
    assert answers.statuses == [200], (answers, server.output[-3000:])
    return answers.bodies[0]


async def _ask(port: int, targets: list[str], concurrency: int, headers) -> Answers:
    answers = Answers([0] * len(targets), [""] * len(targets))
    left = collections.deque(enumerate(targets))
    started = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for _ in range(min(concurrency, len(targets))):
            group.create_task(_one_client(port, left, answers, headers))
    answers.seconds = time.monotonic() - started
    return answers


async def _one_client(port: int, left, answers: Answers, headers) -> None:
    connection = None
    while left:
        number, target = left.popleft()
        try:
            connection = connection or await asyncio.open_connection(HOST, port)
            answers.statuses[number], answers.bodies[number] = await exchange(
                *connection, target, headers
            )
        except (OSError, EOFError):
            connection = _close(connection)
    _close(connection)


async def exchange(reader, writer, target: str, headers) -> tuple[int, str]:
    """Send one request over an open connection and read its answer; a full URL names the host."""
    host = "test"
    if target.startswith("http://"):
        host, _, target = target.removeprefix("http://").partition("/")
        target = f"/{target}"
    lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()]
    writer.write(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n{''.join(lines)}\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin1").lower()
    if "content-length:" in head:
        length = int(head.partition("content-length:")[2].split("\r\n")[0])
        body = await reader.readexactly(length)
    else:
        body = b""
        while size := int(await reader.readuntil(b"\r\n"), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readexactly(2)
    return int(head.split()[1]), body.decode()


def _close(connection) -> None:
    if connection is not None:
        connection[1].transport.abort()


def _allow_files(wanted: int) -> None:
    """Let this process, and the servers that it starts, open as many files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
