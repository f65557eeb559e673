"""Many requests for one page: keep-alive connections with one request in flight each, as a busy site has them."""

from __future__ import annotations

import asyncio
import re
import time

from demotools.steps import DemoError

HOST = "127.0.0.1"
CONNECTIONS = 8
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
LAST_CHUNK = b"\r\n0\r\n\r\n"


class Load:
    """What is still to be sent, shared by the connections."""

    def __init__(self, requests: float, seconds: float) -> None:
        self.requests, self.until = requests, time.perf_counter() + seconds
        self.sent = self.answered = 0
        self.done = asyncio.get_running_loop().create_future()

    def may_send(self) -> bool:
        """Whether to send one more, which is then counted."""
        in_time = not self.sent or time.perf_counter() < self.until
        wanted = in_time and self.sent < self.requests
        self.sent += wanted
        if not wanted and self.answered == self.sent:
            self.end()
        return wanted

    def end(self, reason: str = "") -> None:
        """Everything was answered, or something went wrong."""
        if self.done.done():
            return
        if reason:
            self.done.set_exception(DemoError(reason))
        else:
            self.done.set_result(None)


class Connection(asyncio.Protocol):
    """Sends a request, waits for the whole response, and so on."""

    def __init__(self, load: Load, request: bytes) -> None:
        self.load, self.request, self.received = load, request, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def send(self) -> None:
        """The next request, if one is wanted."""
        self.received = b""
        if self.load.may_send():
            self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, separator, body = self.received.partition(b"\r\n\r\n")
        if not separator:
            return
        length = LENGTH.search(head)
        if not head.startswith(b"HTTP/1.1 200 "):
            self.load.end(f"The server was to answer 200 OK, and said:\n\n{head.decode('latin-1')}")
        elif len(body) >= int(length[1]) if length else body.endswith(LAST_CHUNK):
            self.load.answered += 1
            self.send()

    def connection_lost(self, exc: Exception | None) -> None:
        self.load.end(f"The server closed a connection that was in use. {exc or ''}")


async def send_all(port: int, path: str, requests: float, seconds: float) -> int:
    """Open the connections, use and close them."""
    loop, load = asyncio.get_running_loop(), Load(requests, seconds)
    request = f"GET {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\n\r\n".encode()
    opened = [
        (await loop.create_connection(lambda: Connection(load, request), HOST, port))[1]
        for _ in range(CONNECTIONS)
    ]
    for connection in opened:
        connection.send()
    try:
        await load.done
    finally:
        for connection in opened:
            connection.transport.abort()
    return load.answered


def send_requests(port: int, path: str, requests: float, seconds: float) -> int:
    """Send so many requests, or for so long; how many it was."""
    return asyncio.run(send_all(port, path, requests, seconds))
