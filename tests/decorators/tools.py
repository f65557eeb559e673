"""Asks views: ours, async and decorated by us, and stock ones, which are sync and decorated by Django."""

from __future__ import annotations

import contextlib
import threading

from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler
from django.http import HttpResponse
from django.test import override_settings
from django.urls import path, re_path

from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.trace import record_hops
from tests.driver import Reply, drive, plain_root_logger
from tests.middleware.parity import in_thread

__all__ = ["DjangoASGIHandler", "in_thread"]

#: ``(name, whether it ran on the event loop's thread)``
calls: list[tuple[str, bool]] = []


def note(name):
    calls.append((name, threading.current_thread() is threading.main_thread()))


def urlconf(view):
    """Return a URLconf in which every path leads to ``view``, and ``login`` has a name."""

    class urls:
        urlpatterns = [
            path("in/", view, name="login"),
            re_path("", view),
        ]

    return urls


@contextlib.contextmanager
def site(view, **settings):
    with override_settings(
        **{"ROOT_URLCONF": urlconf(view), "MIDDLEWARE": [], **settings},
    ):
        yield


async def ask(view, requests, *, handler=ASGIHandler, **settings) -> list[Reply]:
    """Return the replies to requests, each ``(url, {arguments of drive()})``."""
    with site(view, **settings), plain_root_logger():
        application = handler()
        return [await drive(application, url, **request) for url, request in requests]


async def assert_same(async_view, sync_view, requests, *, before=lambda: None, **settings):
    """Assert that our async view answers as Django's sync one does; return what both say."""
    before()
    stock = await ask(sync_view, requests, handler=DjangoASGIHandler, **settings)
    before()
    ours = await ask(async_view, requests, **settings)
    for ours_said, stock_said in zip(map(said, ours), map(said, stock), strict=True):
        assert ours_said == stock_said, f"{ours_said} is not {stock_said}"
    return ours


def said(reply: Reply):
    """Return what does not change from second to second."""
    headers = [
        (name, b"" if name in (b"Age", b"Expires") else value) for name, value in reply.headers
    ]
    return reply.status, sorted(headers), reply.body


async def hops_of(view, url="/", *, warm=1, **request) -> list[str]:
    """Return what hopped in the last of several requests; the site is set already."""
    with plain_root_logger():
        application = ASGIHandler()
        for _ in range(warm):
            await drive(application, url, **request)
        with record_hops() as trace:
            await drive(application, url, **request)
    return [hop.target.rpartition(".")[2] for hop in trace.hops]


async def hello(request, *args, **kwargs):
    note("view")
    return HttpResponse("hello")


def hello_sync(request, *args, **kwargs):
    note("view")
    return HttpResponse("hello")
