"""What the servers run: the target named in BENCH_TARGET, and a control path that tells its process and the CPU time used so far."""

from __future__ import annotations

import os
import time
from typing import Any

from harness.targets import ALL_TARGETS, build

CONTROL = "/-cpu-/"
KEY = os.environ["BENCH_TARGET"]

if os.environ.get("BENCH_CORE") and hasattr(os, "sched_setaffinity"):
    # Before any thread starts, so that all of them stay on this core.
    os.sched_setaffinity(0, {int(os.environ["BENCH_CORE"])})


def cpu() -> bytes:
    """This process, and seconds of user and system time of all its threads, to the nanosecond."""
    return f"{os.getpid()} {time.process_time()!r}".encode()


def asgi_with_control(target: Any) -> Any:
    """An ASGI application."""

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope.get("path") != CONTROL:
            await target(scope, receive, send)
            return
        body = cpu()
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return application


def wsgi_with_control(target: Any) -> Any:
    """A WSGI application."""

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        if environ["PATH_INFO"] != CONTROL:
            return target(environ, start_response)
        body = cpu()
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]

    return application


application = (wsgi_with_control if ALL_TARGETS[KEY].is_wsgi else asgi_with_control)(build(KEY))
