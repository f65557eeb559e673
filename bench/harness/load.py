"""A load generator that costs little per request: keep-alive connections, each with one request in flight."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import time

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
LAST_CHUNK = b"\r\n0\r\n\r\n"


class Load:
    """How much is still to be sent, shared by all connections."""

    def __init__(self, requests: int, body: bytes) -> None:
        self.to_send = self.to_receive = requests
        # Plain, or in one chunk: without CommonMiddleware, Django sends no Content-Length.
        chunked = {size % (len(body), body, LAST_CHUNK) for size in (b"%x\r\n%s%s", b"%X\r\n%s%s")}
        self.bodies = {body, *chunked}
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def received(self) -> None:
        """One more response."""
        self.to_receive -= 1
        if not self.to_receive and not self.done.done():
            self.done.set_result(None)

    def failed(self, reason: str) -> None:
        """Any wrong answer ends the run: a fast error is no result."""
        if not self.done.done():
            self.done.set_exception(RuntimeError(reason))


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
        if body not in self.load.bodies:
            self.load.failed(f"wrong body: {body!r}")
            return
        self.received = b""
        self.load.received()
        self.send()

    def connection_lost(self, exc: Exception | None) -> None:
        self.load.failed(f"the server closed a connection: {exc}")


async def run(options: argparse.Namespace) -> float:
    """The seconds that all requests took, connecting not included."""
    loop = asyncio.get_running_loop()
    load = Load(options.requests, options.body.encode())
    request = f"GET {options.path} HTTP/1.1\r\nHost: 127.0.0.1:{options.port}\r\nAccept: */*\r\n\r\n".encode()
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
    return seconds


def arguments() -> argparse.Namespace:
    """What compare.py asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", required=True)
    parser.add_argument("--body", required=True)
    parser.add_argument("--requests", type=int, required=True)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--core", type=int)
    return parser.parse_args()


def main() -> None:
    """Print the seconds as JSON."""
    options = arguments()
    if options.core is not None:
        os.sched_setaffinity(0, {options.core})
    try:
        import uvloop
    except ImportError:
        runner = asyncio.run
    else:
        runner = uvloop.run
    print(json.dumps({"seconds": runner(run(options))}))


if __name__ == "__main__":
    main()
