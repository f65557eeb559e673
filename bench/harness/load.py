"""A load generator that costs little per request: keep-alive connections, each with one request in flight."""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import re
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
LAST_CHUNK = b"\r\n0\r\n\r\n"


class Load:
    """How much is still to be sent, shared by all connections."""

    def __init__(self, requests: int, is_right: Callable[[bytes], bool]) -> None:
        self.to_send = self.to_receive = requests
        self.is_right = is_right
        self.latencies: list[float] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def received(self, latency: float) -> None:
        """One more response."""
        self.latencies.append(latency)
        self.to_receive -= 1
        if not self.to_receive and not self.done.done():
            self.done.set_result(None)

    def failed(self, reason: str) -> None:
        """Any wrong answer ends the run: a fast error is no result."""
        if not self.done.done():
            self.done.set_exception(RuntimeError(reason))


def is_body(body: bytes) -> Callable[[bytes], bool]:
    """Plain, or in one chunk: without CommonMiddleware, Django sends no Content-Length."""
    chunked = {size % (len(body), body, LAST_CHUNK) for size in (b"%x\r\n%s%s", b"%X\r\n%s%s")}
    return {body, *chunked}.__contains__


def has_length(length: int) -> Callable[[bytes], bool]:
    """For pages with something new each time, which is always as long."""
    return lambda body: len(body) == length


class Connection(asyncio.Protocol):
    """Sends a request, waits for its response, and so on."""

    def __init__(self, load: Load, request: bytes) -> None:
        self.load, self.request = load, request
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def send(self) -> None:
        """The next request, if one is left."""
        if self.load.to_send:
            self.load.to_send -= 1
            self.sent = time.perf_counter()
            self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, separator, body = self.received.partition(b"\r\n\r\n")
        if not separator:
            return
        length = LENGTH.search(head)
        if not head.startswith(b"HTTP/1.1 200 "):
            self.load.failed(f"not a response to measure: {head!r}")
        elif body.endswith(LAST_CHUNK) if length is None else len(body) >= int(length[1]):
            self.response_complete(body)

    def response_complete(self, body: bytes) -> None:
        """Check it, count it, go on."""
        latency = time.perf_counter() - self.sent
        if not self.load.is_right(body):
            self.load.failed(f"wrong body: {body!r}")
            return
        self.received = b""
        self.load.received(latency)
        self.send()

    def connection_lost(self, exc: Exception | None) -> None:
        self.load.failed(f"the server closed a connection: {exc}")


def request_of(options: argparse.Namespace) -> bytes:
    """What is sent again and again."""
    cookie = f"Cookie: {options.cookie}\r\n" if options.cookie else ""
    return f"GET {options.path} HTTP/1.1\r\nHost: 127.0.0.1:{options.port}\r\nAccept: */*\r\n{cookie}\r\n".encode()


def percentile(values: list[float], percent: int) -> float:
    """The smallest value that so many percent of the values do not exceed."""
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]


async def run(options: argparse.Namespace) -> dict[str, float]:
    """The seconds that all requests took, connecting not included, and what the slowest hundredth took at least."""
    loop = asyncio.get_running_loop()
    is_right = (
        is_body(options.body.encode()) if options.length is None else has_length(options.length)
    )
    load = Load(options.requests, is_right)
    request = request_of(options)
    connections = [
        (
            await loop.create_connection(
                lambda: Connection(load, request), "127.0.0.1", options.port
            )
        )[1]
        for _ in range(options.connections)
    ]
    started = time.perf_counter()
    for connection in connections:
        connection.send()
    await load.done
    seconds = time.perf_counter() - started
    for connection in connections:
        connection.transport.abort()
    return {"seconds": seconds, "p99_ms": percentile(load.latencies, 99) * 1e3}


def arguments() -> argparse.Namespace:
    """What compare.py asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", required=True)
    right = parser.add_mutually_exclusive_group(required=True)
    right.add_argument("--body")
    right.add_argument("--length", type=int)
    parser.add_argument("--cookie", default="")
    parser.add_argument("--requests", type=int, required=True)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--core", type=int)
    return parser.parse_args()


def main() -> None:
    """Print what was measured as JSON."""
    options = arguments()
    if options.core is not None:
        os.sched_setaffinity(0, {options.core})
    try:
        import uvloop
    except ImportError:
        runner = asyncio.run
    else:
        runner = uvloop.run
    print(json.dumps(runner(run(options))))


if __name__ == "__main__":
    main()
