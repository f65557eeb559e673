"""Hops and threads of one request, counted in a process of their own: `python -m harness.count TARGET`."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from django_asynckit.trace import record_hops
from harness.targets import ALL_TARGETS, BODY, Target, build

WARM_UP = 3


async def call_asgi(application: Any, path: str, cookie: str = "") -> bytes:
    """One request, as a server would make it; its body."""
    cookies = [(b"cookie", cookie.encode())] if cookie else []
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"127.0.0.1"), (b"accept", b"*/*"), *cookies],
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 40000),
    }
    body = bytearray()
    incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    incoming.put_nowait({"type": "http.request", "body": b"", "more_body": False})

    async def send(message: dict[str, Any]) -> None:
        body.extend(message.get("body", b""))

    await application(scope, incoming.get, send)
    return bytes(body)


async def count_asgi(application: Any, path: str) -> Any:
    """On a loop that stays, as in a server."""
    for _ in range(WARM_UP):
        assert await call_asgi(application, path) == BODY
    with record_hops() as trace:
        await call_asgi(application, path)
    return trace


def call_wsgi(application: Any, path: str, cookie: str = "") -> bytes:
    """One request, as a server's thread would make it; its body."""
    from wsgiref.util import setup_testing_defaults

    environ = {"PATH_INFO": path} | ({"HTTP_COOKIE": cookie} if cookie else {})
    setup_testing_defaults(environ)
    response = application(environ, lambda *_: None)
    try:
        return b"".join(response)
    finally:
        response.close()


def count_wsgi(application: Any, path: str) -> Any:
    """The server's own threads are there before the request."""
    for _ in range(WARM_UP):
        assert call_wsgi(application, path) == BODY
    with record_hops() as trace:
        call_wsgi(application, path)
    return trace


def count(target: Target) -> dict[str, int]:
    """What the table says about it."""
    application = build(target.key)
    if target.is_wsgi:
        trace = count_wsgi(application, target.path)
    else:
        trace = asyncio.run(count_asgi(application, target.path))
    return {"hops": len(trace.hops), "threads": trace.threads_started}


if __name__ == "__main__":
    print(json.dumps(count(ALL_TARGETS[sys.argv[1]])))
