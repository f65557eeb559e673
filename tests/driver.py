"""Drives an ASGI application with hand-written ``receive`` and ``send``."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Reply:
    """What an application sent."""

    messages: list[dict[str, Any]] = field(default_factory=list)

    @property
    def status(self) -> int:
        return self.messages[0]["status"]

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        return self.messages[0]["headers"]

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages[1:])

    @property
    def cookies(self) -> dict[str, str]:
        pairs = (value.split(b";")[0] for name, value in self.headers if name == b"Set-Cookie")
        return dict(pair.decode().split("=", 1) for pair in pairs)


def scope_for(path: str = "/", method: str = "GET", headers=None, **extra: Any) -> dict[str, Any]:
    path, _, query = path.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [
            (b"host", b"testserver"),
            *((name.lower().encode(), value.encode()) for name, value in (headers or {}).items()),
        ],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 80),
        **extra,
    }


async def drive(
    application, path="/", *, method="GET", headers=None, chunks=(b"",), **extra
) -> Reply:
    """Send one request in a task of its own, as servers do; the client stays until the end."""
    headers = dict(headers or {})
    if any(chunks):
        headers.setdefault("content-length", str(sum(map(len, chunks))))
    return await send_scope(application, scope_for(path, method, headers, **extra), chunks)


async def send_scope(application, scope, chunks=(b"",)) -> Reply:
    reply = Reply()
    parts = [
        {"type": "http.request", "body": chunk, "more_body": index < len(chunks) - 1}
        for index, chunk in enumerate(chunks)
    ]

    async def receive():
        if parts:
            return parts.pop(0)
        await asyncio.Event().wait()
        return None

    async def send(message):
        reply.messages.append(message)

    await asyncio.create_task(application(scope, receive, send))
    return reply


@contextlib.contextmanager
def plain_root_logger():
    """Take away the handlers that pytest puts on the root logger: they are not known to be local."""
    root = logging.getLogger()
    handlers, root.handlers = root.handlers, []
    try:
        yield
    finally:
        root.handlers = handlers
