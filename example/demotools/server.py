"""What uvicorn runs: one of the two sites, and beside it a control path that the site never sees."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import platform
import signal
import threading
import time
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from django_asynckit.trace import record_hops

CONTROL = "/-demo-/"
PACKAGES = ("django-asynckit", "Django", "asgiref", "uvicorn")


def stay_on_core(core: str) -> None:
    """Use one core only, as one worker of a busy server would."""
    if core and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(core)})


def end_with_parent() -> None:
    """Wait until the demo closes our standard input, however it ended, then stop."""
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


stay_on_core(os.environ.get("DEMO_CORE", ""))
threading.Thread(target=end_with_parent, daemon=True).start()
site = importlib.import_module(os.environ["DEMO_SITE"]).application


def versions() -> dict[str, str]:
    """Of Python and of the packages that take part."""
    found = {"Python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # on the path, but not installed
            found[name] = "from the checkout"
    return found


async def count(scope: dict[str, Any], receive: Any) -> dict[str, Any]:
    """The hops and threads of one request for the path that follows the control path."""
    scope = {**scope, "path": scope["path"].removeprefix(CONTROL + "count")}
    scope["raw_path"] = scope["path"].encode()
    statuses: list[int] = []

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    # The request before this one may still be clearing up after its response.
    await asyncio.sleep(0.05)
    with record_hops() as trace:
        await site(scope, receive, send)
    return {
        "status": statuses[0],
        "hops": len(trace.hops),
        "threads": trace.threads_started,
    }


async def control(scope: dict[str, Any], receive: Any) -> dict[str, Any]:
    """Answer the demo: the CPU time used so far, versions, or what one request takes."""
    if scope["path"] == CONTROL + "cpu":
        # All threads of this process, user and system time.
        return {"cpu": time.process_time()}
    if scope["path"] == CONTROL + "versions":
        return versions()
    return await count(scope, receive)


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The site, unless the demo asks for something."""
    if not scope.get("path", "").startswith(CONTROL):
        await site(scope, receive, send)
        return
    body = json.dumps(await control(scope, receive)).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
