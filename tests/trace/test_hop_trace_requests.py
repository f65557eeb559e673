"""Whole requests through Django's handlers: how many hops, and the middleware that tells."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest
from asgiref.sync import SyncToAsync, iscoroutinefunction, sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.test import RequestFactory, override_settings
from django.urls import path

from django_asynckit.trace import HopTraceMiddleware, record_hops

HOP_TRACE = "django_asynckit.trace.HopTraceMiddleware"
STARTPROJECT = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]


async def async_view(request) -> HttpResponse:
    return HttpResponse("async")


def sync_view(request) -> HttpResponse:
    return HttpResponse("sync")


async def timed_view(request) -> HttpResponse:
    await sync_to_async(len)("four")
    return HttpResponse(headers={"Server-Timing": "db;dur=1.5"})


urlpatterns = [
    path("async/", async_view),
    path("sync/", sync_view),
    path("timed/", timed_view),
]


def site(*middleware: str) -> override_settings:
    return override_settings(
        ROOT_URLCONF=__name__,
        MIDDLEWARE=middleware,
        SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
        ALLOWED_HOSTS=["*"],
    )


async def get(handler: ASGIHandler, url: str) -> dict[bytes, bytes]:
    """Send one request the way an ASGI server does and return the response's headers."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "path": url,
        "query_string": b"",
        "headers": [(b"host", b"testserver")],
    }
    messages: list[dict[str, Any]] = []
    requests = iter([{"type": "http.request", "body": b""}])

    async def receive() -> dict[str, Any]:
        for message in requests:
            return message
        await asyncio.Event().wait()
        raise AssertionError("never reached")

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    await handler(scope, receive, send)
    start, body = messages
    assert start["status"] == 200
    assert not body.get("more_body")
    return dict(start["headers"])


@pytest.mark.parametrize(("url", "hops"), [("/async/", 15), ("/sync/", 16)])
async def test_stock_django_hops_through_startprojects_middleware(url, hops) -> None:
    with site(*STARTPROJECT):
        handler = ASGIHandler()
        await get(handler, url)
        with record_hops() as trace:
            await get(handler, url)
    assert [hop.direction for hop in trace.hops] == ["to_thread"] * hops
    assert trace.threads_started == 2
    assert trace.unfinished == 0
    names = [hop.target for hop in trace.hops]
    assert "django.middleware.csrf.CsrfViewMiddleware.process_view" in names
    assert names[-1] == "django.http.response.HttpResponseBase.close"
    assert len({hop.thread for hop in trace.hops}) == 1


@pytest.mark.parametrize(
    ("url", "words"), [("/async/", "0 hops, 0 threads"), ("/sync/", "1 hop, 0 threads")]
)
async def test_the_middleware_tells_hops_under_asgi(url, words) -> None:
    with site(HOP_TRACE):
        timing = (await get(ASGIHandler(), url))[b"Server-Timing"].decode()
    name, description, duration = timing.split(";")
    assert name == "hops"
    assert description == f'desc="{words}"'
    assert (float(duration.removeprefix("dur=")) > 0) is (url == "/sync/")


async def test_the_middleware_sees_what_is_below_it() -> None:
    with site(HOP_TRACE, *STARTPROJECT):
        timing = (await get(ASGIHandler(), "/async/"))[b"Server-Timing"]
    # All but the two that the handler makes itself, for signals and to close the response.
    assert timing.startswith(b'hops;desc="13 hops, 0 threads";dur=')


async def test_the_middleware_makes_no_hop_itself() -> None:
    counts = []
    for middleware in [(), (HOP_TRACE,)]:
        with site(*middleware):
            handler = ASGIHandler()
            with record_hops() as trace:
                await get(handler, "/async/")
        counts.append((len(trace.hops), trace.threads_started))
    assert counts == [(2, 2), (2, 2)]


async def test_the_middleware_appends_to_an_existing_header() -> None:
    with site(HOP_TRACE):
        timing = (await get(ASGIHandler(), "/timed/"))[b"Server-Timing"]
    assert timing.startswith(b'db;dur=1.5, hops;desc="1 hop, 0 threads";dur=')


@pytest.mark.parametrize(
    ("url", "words"), [("/sync/", "0 hops, 0 threads"), ("/async/", "1 hop, 1 thread")]
)
@pytest.mark.django_db
def test_the_middleware_tells_hops_under_wsgi(url, words) -> None:
    with site(HOP_TRACE):
        response = WSGIHandler().get_response(RequestFactory().get(url))
    response.close()
    assert response.headers["Server-Timing"].startswith(f'hops;desc="{words}";dur=')


@pytest.mark.parametrize("view", [sync_view, async_view])
def test_the_middleware_is_what_its_get_response_is(view) -> None:
    middleware = HopTraceMiddleware(view)
    assert iscoroutinefunction(middleware) is iscoroutinefunction(view)
    assert HopTraceMiddleware.sync_capable
    assert HopTraceMiddleware.async_capable


def test_the_patches_stay_as_long_as_the_middleware_lives() -> None:
    gc.collect()
    before = vars(SyncToAsync)["__call__"]
    middleware = HopTraceMiddleware(sync_view)
    patched = vars(SyncToAsync)["__call__"]
    assert patched is not before
    with record_hops():
        assert vars(SyncToAsync)["__call__"] is patched
    assert vars(SyncToAsync)["__call__"] is patched
    del middleware
    gc.collect()
    assert vars(SyncToAsync)["__call__"] is before
