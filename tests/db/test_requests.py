"""``ATOMIC_REQUESTS`` on async views, under our handler and with our test clients."""

from __future__ import annotations

import asyncio
import functools
import json

import pytest
from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler as StockHandler
from django.core.handlers.base import BaseHandler
from django.db import connections, transaction
from django.http import HttpResponse, JsonResponse
from django.test import AsyncClient as StockAsyncClient
from django.test import TestCase, override_settings
from django.urls import path
from django.utils.decorators import method_decorator
from django.views import View

from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.test import AsyncClient, Client
from tests.db.tools import Row, add, names, place
from tests.driver import drive, plain_root_logger, scope_for
from tests.workers.tools import until_idle


def make_view():
    async def view(request, name):
        await add(name)
        if "fail" in request.GET:
            raise ValueError("wrong")
        if "rollback" in request.GET:
            await sync_to_async(transaction.set_rollback)(True)
        return JsonResponse({"place": await place()})

    return view


def wrapping(func):
    @functools.wraps(func)
    async def wrapper(*args, **kwargs):
        return await func(*args, **kwargs)

    del wrapper.__dict__["_non_atomic_requests"]
    return wrapper


def wrapping_itself(view):
    """An object that answers every question with itself, as some proxies do."""
    view.__wrapped__ = view
    return view


def sync_view(request, name):
    Row.objects.create(app_label="app", model=name)
    raise ValueError("wrong")


@method_decorator(transaction.non_atomic_requests, name="dispatch")
class NonAtomic(View):
    async def get(self, request, name):
        return await make_view()(request, name)


async def on_other(request, name):
    await add(name)
    await add(name, using="other")
    raise ValueError("wrong")


async def slow(request, name):
    await add(name)
    written.set()
    await asyncio.Event().wait()


written = asyncio.Event()


def handle(request, error):
    return HttpResponse("handled")


class HandlesErrors:
    async_capable = True
    sync_capable = False

    def __new__(cls, get_response):
        async def middleware(request):
            return await get_response(request)

        middleware.process_exception = handle
        return middleware


urlpatterns = [
    path("view/<name>/", make_view()),
    path("sync/<name>/", sync_view),
    path("non-atomic/<name>/", transaction.non_atomic_requests(make_view())),
    path("non-atomic-wrapped/<name>/", wrapping(transaction.non_atomic_requests(make_view()))),
    path("non-atomic-class/<name>/", NonAtomic.as_view()),
    path(
        "non-atomic-partial/<name>/",
        functools.partial(transaction.non_atomic_requests(make_view())),
    ),
    path("wrapping-itself/<name>/", wrapping_itself(make_view())),
    path("only-other/<name>/", transaction.non_atomic_requests("other")(make_view())),
    path("on-other/<name>/", on_other),
    path("slow/<name>/", slow),
]


@pytest.fixture
def site(kept, monkeypatch):
    monkeypatch.setitem(kept, "ATOMIC_REQUESTS", True)
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[]), plain_root_logger():
        yield ASGIHandler()


async def is_in_transaction(site, target):
    return json.loads((await drive(site, target)).body)["place"][1]


async def test_a_view_commits(site):
    assert await is_in_transaction(site, "/view/a/")
    assert await names() == {"a"}
    await until_idle()


@pytest.mark.parametrize("target", ["/view/a/?fail", "/view/a/?rollback", "/sync/a/"])
async def test_errors_and_set_rollback_roll_back(site, target):
    reply = await drive(site, target)
    assert reply.status == (200 if "rollback" in target else 500)
    assert await names() == set()
    await until_idle()


async def test_a_view_that_wraps_itself_is_looked_at_to_an_end(site):
    assert await is_in_transaction(site, "/wrapping-itself/a/")


@pytest.mark.parametrize("kind", ["", "-wrapped", "-class", "-partial"])
async def test_non_atomic_requests_is_respected(site, kind):
    assert not await is_in_transaction(site, f"/non-atomic{kind}/a/")
    await until_idle()


async def test_it_counts_for_the_database_that_it_names(site):
    assert await is_in_transaction(site, "/only-other/a/")
    await until_idle()


async def test_an_error_that_middleware_handles_has_rolled_back_before(kept, monkeypatch):
    monkeypatch.setitem(kept, "ATOMIC_REQUESTS", True)
    with (
        override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[f"{__name__}.HandlesErrors"]),
        plain_root_logger(),
    ):
        reply = await drive(ASGIHandler(), "/view/a/?fail")
    assert reply.body == b"handled"
    assert await names() == set()
    await until_idle()


async def test_a_disconnect_rolls_back(site):
    written.clear()
    messages = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive():
        if messages:
            return messages.pop()
        await written.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        raise AssertionError("nobody is there")

    await asyncio.create_task(site(scope_for("/slow/a/"), receive, send))
    assert await names() == set()
    await until_idle()


async def test_all_databases_that_ask_for_it_are_in_a_transaction(site, tmp_path, monkeypatch):
    other = {**connections.settings["default"], "NAME": str(tmp_path / "other.sqlite3")}
    monkeypatch.setitem(connections.settings, "other", other)

    def create():
        with connections["other"].schema_editor() as editor:
            editor.create_model(Row)
        connections["other"].close()
        del connections["other"]

    await sync_to_async(create, thread_sensitive=False)()
    assert (await drive(site, "/on-other/a/")).status == 500
    assert await names() == await names("other") == set()
    await until_idle()
    monkeypatch.delitem(connections.settings, "other")


async def test_whoever_patches_djangos_method_still_sees_the_view(site, monkeypatch):
    original, seen = BaseHandler.make_view_atomic, []

    def make_view_atomic(self, view):
        seen.append(view.__name__)
        return original(self, view)

    monkeypatch.setattr(BaseHandler, "make_view_atomic", make_view_atomic)
    assert await is_in_transaction(site, "/view/a/")
    assert seen == ["view"]
    await until_idle()


async def test_djangos_own_handler_refuses_such_a_view(site):
    reply = await drive(StockHandler(), "/view/a/")
    assert reply.status == 500


class InTestCase(TestCase):
    async_client_class = AsyncClient
    client_class = Client

    def setUp(self):
        settings = connections.settings["default"]
        self.addCleanup(settings.update, ATOMIC_REQUESTS=settings["ATOMIC_REQUESTS"])
        settings["ATOMIC_REQUESTS"] = True
        self.enterContext(override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[]))

    async def test_with_our_async_client(self):
        assert (await self.async_client.get("/view/a/")).status_code == 200
        with pytest.raises(ValueError, match="wrong"):
            await self.async_client.get("/view/b/?fail")
        assert await Row.objects.filter(app_label="app").acount() == 1

    def test_with_our_client(self):
        assert self.client.get("/view/a/").status_code == 200
        with pytest.raises(ValueError, match="wrong"):
            self.client.get("/view/b/?fail")
        assert Row.objects.filter(app_label="app").count() == 1

    async def test_djangos_client_refuses_it(self):
        with pytest.raises(RuntimeError, match="cannot use ATOMIC_REQUESTS with async views"):
            await StockAsyncClient().get("/view/a/")
