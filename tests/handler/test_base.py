"""The path from middleware to view: views of every kind, instrumented handlers, templates."""

from __future__ import annotations

import asyncio

import pytest
from django.core.handlers import base
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler
from django.db import connections
from django.template import engines
from django.template.response import TemplateResponse
from django.test import override_settings
from django.urls import path
from django.utils import timezone, translation

from django_asynckit.handler.asgi import ASGIHandler
from tests.driver import drive, plain_root_logger, scope_for
from tests.handler import site
from tests.handler.tools import assert_same, build, calls, counted_crossings, observe

URLS = "tests.handler.site"
PATHS = [
    "/", "/sync/", "/broken/", "/broken/sync/", "/none/", "/coroutine/", "/template/", "/template/bad/",
    "/template/async/", "/template/inline/", "/template/coroutine/", "/stream/", "/nowhere/",
]  # fmt: skip


@pytest.fixture(autouse=True)
def urls():
    with override_settings(ROOT_URLCONF=URLS, MIDDLEWARE=[]):
        yield
    while site.unawaited:
        site.unawaited.pop().close()


@pytest.mark.parametrize("path", PATHS)
async def test_views_of_every_kind_are_answered_as_by_django(path):
    await assert_same(scope_for(path))


@pytest.mark.parametrize("path", PATHS)
async def test_instrumented_handlers_run_djangos_method(path, monkeypatch):
    original = base.BaseHandler.get_response_async

    async def patched(self, request):
        calls.append("patched")
        return await original(self, request)

    monkeypatch.setattr(base.BaseHandler, "get_response_async", patched)
    seen = await assert_same(scope_for(path))
    assert "patched" in seen.calls


@pytest.mark.parametrize("path", ["/", "/sync/"])
async def test_instrumented_handlers_run_djangos_entry(path, monkeypatch):
    original = DjangoASGIHandler.__call__

    async def patched(self, scope, receive, send):
        calls.append("patched")
        return await original(self, scope, receive, send)

    monkeypatch.setattr(DjangoASGIHandler, "__call__", patched)
    seen = await assert_same(scope_for(path))
    assert "patched" in seen.calls


class Between(DjangoASGIHandler):
    """A class that comes after ours in the order of bases, and before Django's."""

    async def __call__(self, scope, receive, send):
        calls.append("call")
        await super().__call__(scope, receive, send)

    async def get_response_async(self, request):
        calls.append("get_response")
        return await super().get_response_async(request)

    def create_request(self, scope, body_file):
        calls.append("create_request")
        return super().create_request(scope, body_file)


async def test_classes_between_ours_and_djangos_run():
    class Both(ASGIHandler, Between):
        pass

    calls.clear()
    assert (await drive(Both())).status == 200
    assert calls[:3] == ["call", "create_request", "get_response"]


class Resolves:
    """A handler that finds views in its own way."""

    def resolve_request(self, request):
        func, args, kwargs = super().resolve_request(request)
        calls.append("resolved")
        return func, args, kwargs


async def test_a_handler_may_resolve_in_its_own_way():
    class Stock(Resolves, DjangoASGIHandler):
        pass

    class Ours(Resolves, ASGIHandler):
        pass

    scope = scope_for("/")
    stock, ours = await observe(Stock(), scope), await observe(Ours(), scope)
    assert ours.calls == stock.calls == ["resolved", "view"]
    assert ours.reply == stock.reply


@pytest.mark.parametrize(
    ("path", "hops"),
    [
        ("/", 0),
        ("/template/async/", 0),
        ("/template/inline/", 0),
        ("/stream/", 0),
        ("/nowhere/", 0),
    ],
)
async def test_paths_without_a_hop(path, hops):
    handler = build()
    with plain_root_logger():
        await drive(handler, path)
        with counted_crossings() as count:
            await drive(handler, path)
    assert count.hops == hops
    assert count.jobs == count.threads == 0


@pytest.mark.parametrize("path", ["/sync/", "/template/"])
async def test_what_may_block_takes_one_hop(path):
    handler = build()
    await drive(handler, path)
    with counted_crossings() as count:
        await drive(handler, path)
    assert count.hops == 1


async def test_atomic_requests_refuse_async_views(monkeypatch):
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)
    seen = await assert_same(scope_for("/"))
    assert seen.reply.status == 500


async def test_language_and_time_zone_of_a_request_are_not_seen_by_the_next():
    # Catalogues and time zones are read from disk once.
    for activate, name in ((translation.activate, "de"), (timezone.activate, "UTC")):
        await asyncio.to_thread(activate, name)
    await asyncio.to_thread(timezone.get_current_timezone_name)
    handler = build()
    for _ in range(2):
        assert (await drive(handler, "/language/")).body == b"en-us America/Chicago"


async def test_the_urlconf_of_a_request_is_used(monkeypatch):
    class Middleware(site.Inline):
        label = behaviour = ""

        @site.non_blocking
        def process_request(self, request):
            request.urlconf = "tests.urls"

    monkeypatch.setattr(site, "Urlconf", Middleware, raising=False)
    with override_settings(MIDDLEWARE=[f"{URLS}.Urlconf"]):
        seen = await assert_same(scope_for("/"))
        assert seen.reply.body == b"Hello, world"
        seen = await assert_same(scope_for("/echo/"))
        assert seen.reply.status == 404


@pytest.mark.parametrize("handler_class", [DjangoASGIHandler, ASGIHandler], ids=["stock", "ours"])
async def test_a_render_that_raises_reaches_the_exception_hooks(handler_class):
    with override_settings(MIDDLEWARE=[site.name("inline", "a", "exception-responds")]):
        reply = await drive(handler_class(), "/template/bad/")
    assert reply.body == b"a exception"


@pytest.mark.parametrize("time_zone", ["Europe/Berlin", "Nowhere/At_All"])
async def test_the_time_zone_is_known_before_there_are_requests(time_zone):
    with override_settings(TIME_ZONE=time_zone):
        build()
        known = timezone.get_default_timezone.cache_info().currsize
    assert known == (time_zone == "Europe/Berlin")


class Rendered(TemplateResponse):
    """Does something of its own, though it is rendered already."""

    def render(self):
        calls.append("render")
        return super().render()


@pytest.mark.parametrize(
    ("response_class", "hops"), [(TemplateResponse, 0), (Rendered, 1)], ids=["djangos", "own"]
)
async def test_what_is_rendered_already_makes_no_hop(response_class, hops):
    async def view(request):
        response = response_class(request, "no template of this name")
        response.content = b"rendered"
        return response

    class urls:
        urlpatterns = [path("", view)]

    seen = await assert_same(scope_for("/"), ROOT_URLCONF=urls)
    assert (seen.reply.body, seen.calls) == (b"rendered", ["render"] * hops)
    with override_settings(ROOT_URLCONF=urls):
        handler = ASGIHandler()
        await drive(handler)
        with counted_crossings() as count:
            await drive(handler)
    assert count.hops == hops


@pytest.mark.parametrize("is_marked", [True, False])
async def test_a_marked_response_is_rendered_inline_if_what_follows_is_marked_too(is_marked):
    class Marked(TemplateResponse):
        @site.non_blocking
        def render(self):
            return super().render()

    def callback(response):
        calls.append("callback")

    async def view(request):
        response = Marked(request, engines["django"].from_string("text"))
        response.add_post_render_callback(site.non_blocking(callback) if is_marked else callback)
        return response

    class urls:
        urlpatterns = [path("", view)]

    with override_settings(ROOT_URLCONF=urls), counted_crossings() as count:
        reply = await drive(ASGIHandler())
    assert (reply.body, calls.pop()) == (b"text", "callback")
    assert bool(count.hops) is not is_marked
