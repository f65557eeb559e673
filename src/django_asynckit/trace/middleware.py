"""``HopTraceMiddleware``: show the hops of each request in the browser's developer tools."""

from __future__ import annotations

import weakref
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from django_asynckit.trace.patch import patches
from django_asynckit.trace.recorder import record_hops
from django_asynckit.trace.recording import Trace
from django_asynckit.types import GetResponse


class HopTraceMiddleware:
    """Adds the hops of the middleware and the view below it to the ``Server-Timing`` header.

    For example ``Server-Timing: hops;desc="3 hops, 2 threads";dur=0.52``, where ``dur`` is the
    milliseconds spent on crossing: the sum of ``waited``. An existing header is appended to. Works
    under ASGI and WSGI and makes no hop itself. Put it first in ``MIDDLEWARE``, and only where
    you measure: the patches of ``record_hops`` stay installed as long as it exists.

    ``get_response`` is the next handler, sync or async.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response: Any = get_response
        self.async_mode = iscoroutinefunction(get_response)
        if self.async_mode:
            markcoroutinefunction(self)
        # Python 3.13 caches no attributes of a class that was patched a thousand times: hold on.
        patches.acquire()
        weakref.finalize(self, patches.release).atexit = False

    def __call__(self, request: HttpRequest) -> Any:
        if self.async_mode:
            return self.__acall__(request)
        with record_hops() as trace:
            response = self.get_response(request)
        return _with_header(response, trace)

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        with record_hops() as trace:
            response = await self.get_response(request)
        return _with_header(response, trace)


def _with_header(response: HttpResponseBase, trace: Trace) -> HttpResponseBase:
    hops, threads = len(trace.hops), trace.threads_started
    counts = f"{_count(hops, 'hop')}, {_count(threads, 'thread')}"
    milliseconds = 1000 * sum(hop.waited for hop in trace.hops)
    timing = f'hops;desc="{counts}";dur={milliseconds:.2f}'
    before = response.headers.get("Server-Timing")
    response.headers["Server-Timing"] = f"{before}, {timing}" if before else timing
    return response


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
