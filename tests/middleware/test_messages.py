"""``MessageMiddleware``: storages are made at first use, and updated where they may block."""

from __future__ import annotations

import json
import secrets

import pytest
from django.contrib import messages
from django.contrib.messages.storage.base import BaseStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler
from django.http import HttpResponse, JsonResponse
from django.test import override_settings
from django.urls import path
from django.utils.functional import SimpleLazyObject

from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.trace import record_hops
from tests.driver import drive
from tests.middleware import stores
from tests.middleware.messages import NotingStorage

STORAGE = "django.contrib.messages.storage"


async def nothing(request):
    return HttpResponse("nothing")


async def add(request):
    messages.info(request, secrets.token_hex(int(request.GET["size"])))  # Does not compress.
    return HttpResponse("added")


async def show(request):
    storage = messages.get_messages(request)
    assert isinstance(storage, BaseStorage)
    return JsonResponse({"messages": [message.message for message in storage]})


async def level(request):
    messages.set_level(request, messages.ERROR)
    messages.info(request, "not shown")
    return JsonResponse({"level": messages.get_level(request), "len": len(request._messages)})


async def kind(request):
    return HttpResponse(str(isinstance(request._messages, FallbackStorage)))


async def foreign_lazy(request):
    request._messages = SimpleLazyObject(lambda: NotingStorage(request))
    return HttpResponse("lazy")


async def removed(request):
    del request._messages
    return HttpResponse("removed")


urlpatterns = [
    path("", nothing),
    path("add/", add),
    path("show/", show),
    path("level/", level),
    path("kind/", kind),
    path("removed/", removed),
    path("lazy/", foreign_lazy),
]


@pytest.fixture(autouse=True)
def _site():
    stores.calls.clear()
    stores.saved.clear()
    with override_settings(ROOT_URLCONF=__name__):
        yield


async def hops_for(url, headers=None, handler=ASGIHandler):
    application = handler()
    with record_hops() as trace:
        reply = await drive(application, url, headers=headers)
    return reply, [hop.target.rpartition(".")[2] for hop in trace.hops]


def cookies_of(reply):
    return {"cookie": "; ".join(f"{name}={value}" for name, value in reply.cookies.items())}


@pytest.mark.parametrize(
    "storage",
    ["fallback.FallbackStorage", "cookie.CookieStorage", "session.SessionStorage"],
)
@pytest.mark.parametrize("size", [1, 3000])
async def test_messages_in_cookies_and_signed_sessions_need_no_hop(storage, size):
    if storage.startswith("cookie") and size > 1:
        pytest.skip("Django: a cookie has no room for it")
    with override_settings(MESSAGE_STORAGE=f"{STORAGE}.{storage}"):
        reply, hops = await hops_for(f"/add/?size={size}")
        assert (reply.status, hops) == (200, [])
        reply, hops = await hops_for("/show/", cookies_of(reply))
        assert [len(text) for text in json.loads(reply.body)["messages"]] == [2 * size]
        assert hops == []


@pytest.mark.parametrize("url", ["/level/", "/kind/", "/removed/", "/show/", "/"])
async def test_the_answers_are_djangos(url):
    ours, stock = (
        (await hops_for(url))[0],
        (await hops_for(url, handler=DjangoASGIHandler))[0],
    )
    assert (ours.status, ours.headers, ours.body) == (
        stock.status,
        stock.headers,
        stock.body,
    )
    assert ours.status == 200


@override_settings(SESSION_ENGINE="tests.middleware.engines.readselsewhere")
async def test_a_session_that_may_block_is_touched_off_the_loop():
    with override_settings(MESSAGE_STORAGE=f"{STORAGE}.session.SessionStorage"):
        await hops_for("/add/?size=1")
    assert {on_loop for name, on_loop in stores.calls if name == "overridden get"} == {False}
    _, hops = await hops_for("/add/?size=1")
    assert hops.count("process_response") == 2


@override_settings(MESSAGE_STORAGE="tests.middleware.messages.NotingStorage")
async def test_a_storage_of_somebody_else_is_made_and_updated_off_the_loop():
    reply, hops = await hops_for("/add/?size=1")
    assert reply.status == 200
    assert stores.calls == [("made", False), ("updated", False)]
    assert hops == ["process_request", "process_response"]


async def test_a_lazy_storage_of_somebody_else_is_updated():
    await hops_for("/lazy/")
    assert ("updated", False) in stores.calls


@override_settings(
    MIDDLEWARE=["django.contrib.messages.middleware.MessageMiddleware"],
    MESSAGE_STORAGE=f"{STORAGE}.session.SessionStorage",
    DEBUG=True,
)
async def test_without_a_session_the_error_is_djangos():
    reply, _ = await hops_for("/")
    assert reply.status == 500
    assert b"storage requires session" in b" ".join(reply.body.split())


async def test_messages_that_do_not_fit_are_an_error_in_debug():
    with override_settings(MESSAGE_STORAGE=f"{STORAGE}.cookie.CookieStorage", DEBUG=True):
        reply, _ = await hops_for("/add/?size=3000")
        assert b"Not all temporary messages could be stored" in reply.body
