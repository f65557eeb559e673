"""Hops and threads of one warm request to each page, in a process of their own: `python -m harness.sites.count TARGET`."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Any

from django_asynckit.trace import record_hops
from harness.count import WARM_UP, call_asgi, call_wsgi
from harness.sites.pages import ALL_PAGES, Page
from harness.targets import ALL_TARGETS, Target, build

if TYPE_CHECKING:
    from collections.abc import Iterator


def numbers(trace: Any) -> dict[str, int]:
    """What is kept of a request."""
    return {"hops": len(trace.hops), "threads": trace.threads_started}


async def on_loop(application: Any, cookie: str) -> dict[str, dict[str, int]]:
    """All pages on one loop, as in a server."""
    found = {}
    for page in ALL_PAGES:
        asked = (application, page.path, page.cookie(cookie))
        for _ in range(WARM_UP):
            await call_asgi(*asked)
        with record_hops() as trace:
            await call_asgi(*asked)
        found[str(page)] = numbers(trace)
    return found


def in_thread(application: Any, cookie: str) -> Iterator[tuple[Page, Any]]:
    """All pages in one thread, as in a server."""
    for page in ALL_PAGES:
        asked = (application, page.path, page.cookie(cookie))
        for _ in range(WARM_UP):
            call_wsgi(*asked)
        with record_hops() as trace:
            call_wsgi(*asked)
        yield page, trace


def count(target: Target, cookie: str) -> dict[str, dict[str, int]]:
    """For each page."""
    application = build(target.key)
    if target.is_wsgi:
        return {str(page): numbers(trace) for page, trace in in_thread(application, cookie)}
    return asyncio.run(on_loop(application, cookie))


if __name__ == "__main__":
    print(json.dumps(count(ALL_TARGETS[sys.argv[1]], sys.argv[2])))
