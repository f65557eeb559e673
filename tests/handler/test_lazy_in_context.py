"""A lazy object in a context variable, as django-cms keeps ``request.user``, is loaded by who reads it only.

On stock Django with asgiref 3.13 each async page of such a site hangs.
"""

from __future__ import annotations

import asyncio
import contextvars

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.auth import get_user_model
from django.core.signals import request_finished
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.test import Client as DjangoClient
from django.test import override_settings
from django.urls import path
from django.utils.decorators import sync_and_async_middleware
from django.utils.functional import SimpleLazyObject

from django_asynckit._compat import MiddlewareMixin, iscoroutinefunction
from django_asynckit.db import aatomic, agather, database_sync_to_async
from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.middleware import AsyncMiddlewareMixin
from django_asynckit.test import AsyncClient, Client
from tests.driver import drive
from tests.handler.tools import captured_logs

HERE = __name__
SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"
AUTH = "django.contrib.auth.middleware.AuthenticationMiddleware"
COMMON = "django.middleware.common.CommonMiddleware"

variable = contextvars.ContextVar("current", default=None)
asked: list[str] = []


class Odd:
    """A value whose class cannot be asked for."""

    @property
    def __class__(self):
        asked.append("class")
        raise LookupError("class")


def lazy():
    def load():
        asked.append("load")
        raise LookupError("load")

    return SimpleLazyObject(load)


VALUES = {"lazy": lazy, "odd": Odd, "user": None}


def value_for(request):
    make = VALUES[request.headers["value"]]
    return request.user if make is None else make()


def sync_only(get_response):
    def middleware(request):
        token = variable.set(value_for(request))
        try:
            return get_response(request)
        finally:
            variable.reset(token)

    return middleware


def left_behind(get_response):
    """It never takes back what it has set."""

    def middleware(request):
        variable.set(value_for(request))
        return get_response(request)

    return middleware


@sync_and_async_middleware
def both(get_response):
    if not iscoroutinefunction(get_response):
        return sync_only(get_response)

    async def middleware(request):
        token = variable.set(value_for(request))
        try:
            return await get_response(request)
        finally:
            variable.reset(token)

    return middleware


class InHook(MiddlewareMixin):
    def process_request(self, request):
        variable.set(value_for(request))


class InView(MiddlewareMixin):
    def process_view(self, request, callback, args, kwargs):
        variable.set(value_for(request))


class InOurHook(AsyncMiddlewareMixin):
    process_request = InHook.process_request
    process_response = staticmethod(lambda request, response: response)


def outer(get_response):
    """Sync-only middleware around the others."""
    return lambda request: get_response(request)


async def async_view(request):
    await asyncio.sleep(0)
    return HttpResponse("fine")


def sync_view(request):
    return HttpResponse("fine")


async def query(request):
    await get_user_model().objects.acount()
    return HttpResponse("fine")


async def many(request):
    users = get_user_model().objects
    await asyncio.gather(users.acount(), users.acount())
    await agather(users.acount(), users.acount())
    async with aatomic():
        await database_sync_to_async(users.count)()
    return HttpResponse("fine")


def own_crossing(request):
    async def inner():
        await sync_to_async(sync_view)(request)
        return "fine"

    return HttpResponse(async_to_sync(inner)())


async def sets_in_thread(request):
    await sync_to_async(variable.set)(value_for(request))
    return HttpResponse("fine")


async def missing(request):
    raise Http404


async def stream(request):
    return StreamingHttpResponse(iter([b"fi", b"ne"]))


urlpatterns = [
    path("async/", async_view),
    path("sync/", sync_view),
    path("query/", query),
    path("many/", many),
    path("own/", own_crossing),
    path("sets/", sets_in_thread),
    path("missing/", missing),
    path("stream/", stream),
]
URLS = [f"/{pattern.pattern}" for pattern in urlpatterns]
MIDDLEWARE = ["sync_only", "left_behind", "both", "InHook", "InView", "InOurHook"]


@pytest.fixture(autouse=True)
def nothing_asked():
    asked.clear()


def site(*names, declared=(), **extra):
    middleware = [name if "." in name else f"{HERE}.{name}" for name in names]
    return override_settings(
        ROOT_URLCONF=HERE,
        MIDDLEWARE=middleware,
        ASYNCKIT_NON_BLOCKING_MIDDLEWARE=[f"{HERE}.{name}" for name in declared],
        SESSION_ENGINE="django.contrib.sessions.backends.db",
        **extra,
    )


async def get(handler, url, value, **headers):
    """Send a request; one that hangs fails."""
    headers = {"value": value, **headers}
    async with asyncio.timeout(20):
        return await asyncio.create_task(drive(handler, url, headers=headers))


@pytest.mark.usefixtures("in_process_database")
@pytest.mark.parametrize("is_below", [False, True], ids=["", "below sync-only"])
@pytest.mark.parametrize("is_declared", [False, True], ids=["", "declared"])
@pytest.mark.parametrize("name", MIDDLEWARE)
@pytest.mark.parametrize("value", VALUES)
async def test_every_page_answers_and_nothing_is_loaded(value, name, is_declared, is_below):
    declared = [name] if is_declared else []
    middleware = [*(["outer"] if is_below else []), SESSIONS, AUTH, name, COMMON]
    with site(*middleware, declared=declared), captured_logs():
        handler = ASGIHandler()
        for url in URLS:
            reply = await get(handler, url, value)
            assert reply.status == (404 if url == "/missing/" else 200), url
            assert reply.status == 404 or reply.body == b"fine"
            # A page that reads no user may be cached for everybody.
            assert b"Vary" not in dict(reply.headers), url
    assert asked == []


@pytest.mark.usefixtures("in_process_database")
@pytest.mark.parametrize("name", ["sync_only", "both", "InHook"])
async def test_a_user_who_is_logged_in_is_there_for_who_reads(name):
    def reads(request):
        return HttpResponse(variable.get().get_username())

    async def reads_in_thread(request):
        return HttpResponse(await sync_to_async(lambda: variable.get().get_username())())

    urlpatterns.extend([path("reads/", reads), path("reads/thread/", reads_in_thread)])
    try:
        with site(SESSIONS, AUTH, name, COMMON), captured_logs():
            client = DjangoClient()
            user = await sync_to_async(get_user_model().objects.get)(username="ada")
            await sync_to_async(client.force_login)(user)
            cookie = f"sessionid={client.cookies['sessionid'].value}"
            handler = ASGIHandler()
            for url in URLS[:5]:
                reply = await get(handler, url, "user", cookie=cookie)
                assert (reply.status, reply.body) == (200, b"fine")
                assert b"Vary" not in dict(reply.headers), url
            for url in ("/reads/", "/reads/thread/"):
                reply = await get(handler, url, "user", cookie=cookie)
                assert (reply.status, reply.body) == (200, b"ada")
                assert dict(reply.headers)[b"Vary"] == b"Cookie"
    finally:
        del urlpatterns[-2:]


@pytest.mark.usefixtures("in_process_database")
@pytest.mark.parametrize("value", VALUES)
async def test_async_receivers_of_signals(value):
    async def receiver(**kwargs):
        asked_by.append(variable.get() is not None)

    asked_by = []
    request_finished.connect(receiver)
    try:
        with site(SESSIONS, AUTH, "left_behind"), captured_logs():
            assert (await get(ASGIHandler(), "/async/", value)).status == 200
    finally:
        request_finished.disconnect(receiver)
    assert len(asked_by) == 1
    assert asked == []


@pytest.mark.parametrize("value", ["lazy", "odd"])
@pytest.mark.parametrize("name", MIDDLEWARE)
def test_with_the_sync_test_client(value, name):
    with site(name):
        for url in ("/async/", "/sync/", "/own/"):
            response = contextvars.copy_context().run(Client().get, url, headers={"value": value})
            assert response.content == b"fine"
    assert asked == []


@pytest.mark.parametrize("value", ["lazy", "odd"])
@pytest.mark.parametrize("name", MIDDLEWARE)
async def test_with_the_async_test_client(value, name):
    with site(name):
        for url in ("/async/", "/sync/", "/own/"):
            get_page = AsyncClient().get(url, headers={"value": value})
            assert (await asyncio.create_task(get_page)).content == b"fine"
    assert asked == []
