"""Decorators and mixins on views of Django REST framework, adrf and django-ninja, the real packages."""

from __future__ import annotations

import itertools

import pytest
from asgiref.sync import iscoroutinefunction
from django.test import override_settings
from django.urls import path
from django.utils import timezone
from django.views.decorators import cache as djangos

from django_asynckit.decorators import (
    asyncify_view,
    auth,
    cache,
    http,
    method_decorator,
    mixins,
    vary,
)
from tests.decorators import tools
from tests.decorators.users import SITE
from tests.middleware import caches as backends

SETTINGS = {
    **SITE,
    "CACHES": {"default": {"BACKEND": "tests.middleware.caches.BothCache"}},
    "REST_FRAMEWORK": {
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "DEFAULT_PERMISSION_CLASSES": [],
    },
}
_runs = itertools.count()


@pytest.fixture(autouse=True, params=[False, True], ids=["one-chain", "sync-chain"])
def _sync_chain(request):
    with override_settings(ASYNCKIT_SYNC_CHAIN=request.param):
        yield


@pytest.fixture(autouse=True)
def _nothing_cached():
    timezone.get_default_timezone()  # Is read from a file.
    backends.forget()
    yield
    backends.forget()


async def bodies(view, count=2, **settings):
    replies = await tools.ask(view, [("/", {})] * count, **{**SETTINGS, **settings})
    assert {reply.status for reply in replies} == {200}, replies
    return [reply.body for reply in replies]


class TestRestFramework:
    """Its views are sync; :func:`asyncify_view` makes async ones of them."""

    @pytest.fixture
    def page(self):
        views = pytest.importorskip("rest_framework.views")
        from rest_framework.response import Response

        class Page(views.APIView):
            def get(self, request):
                return Response({"run": next(_runs)})

        return Page

    async def test_a_sync_view_is_cached_as_by_djangos_decorator(self, page):
        for decorate in (cache.cache_page(9), djangos.cache_page(9)):
            backends.forget()
            first, second = await bodies(decorate(page.as_view()))
            assert first == second

    async def test_dispatch_is_decorated(self, page):
        decorated = method_decorator([cache.cache_page(9), vary.vary_on_cookie], name="dispatch")
        view = decorated(page).as_view()
        first, second = await bodies(view)
        assert first == second
        assert view.csrf_exempt

    async def test_an_asyncified_view_is_cached_when_it_is_rendered(self, page):
        view = cache.cache_page(9)(asyncify_view(page.as_view()))
        assert iscoroutinefunction(view)
        assert view.csrf_exempt
        first, second = await bodies(view)
        assert first == second
        with tools.site(view, **SETTINGS):
            assert await tools.hops_of(view) == []  # From the cache, which is awaited.

    async def test_mixins_refuse(self, page):
        class Secret(mixins.LoginRequiredMixin, page):
            pass

        for view in (Secret.as_view(), asyncify_view(Secret.as_view())):
            (reply,) = await tools.ask(view, [("/", {})], **SETTINGS)
            assert (reply.status, dict(reply.headers)[b"Location"]) == (302, b"/in/?next=/")


class TestAdrf:
    """Async views for Django REST framework."""

    @pytest.fixture
    def page(self):
        views = pytest.importorskip("adrf.views")
        from rest_framework.response import Response

        class Page(views.APIView):
            async def get(self, request):
                return Response({"run": next(_runs)})

        return Page

    async def test_an_async_view_is_cached(self, page):
        view = cache.cache_page(9)(page.as_view())
        assert iscoroutinefunction(view)
        first, second = await bodies(view)
        assert first == second

    async def test_dispatch_is_decorated(self, page):
        first, second = await bodies(
            method_decorator(cache.cache_page(9), name="dispatch")(page).as_view()
        )
        assert first == second

    @pytest.mark.parametrize("kind", ["mixin", "decorator", "method"])
    async def test_nobody_is_let_in(self, page, kind):
        class Secret(mixins.LoginRequiredMixin, page):
            pass

        view = {
            "mixin": Secret.as_view(),
            "decorator": auth.login_required(page.as_view()),
            "method": method_decorator(auth.login_required, name="dispatch")(page).as_view(),
        }[kind]
        (reply,) = await tools.ask(view, [("/", {})], **SETTINGS)
        assert reply.status == 302


class TestNinja:
    """Operations that are coroutine functions, decorated with ``decorate_view``."""

    @pytest.fixture
    def api(self):
        ninja = pytest.importorskip("ninja")
        from ninja.decorators import decorate_view

        api = ninja.NinjaAPI(urls_namespace=f"api-{next(_runs)}")

        @api.get("/cached/")
        @decorate_view(cache.cache_page(9))
        async def cached(request):
            return {"run": next(_runs)}

        @api.get("/cached/sync/")
        @decorate_view(cache.cache_page(9))
        def cached_sync(request):
            return {"run": next(_runs)}

        @api.get("/tagged/")
        @decorate_view(http.etag(tag), vary.vary_on_cookie)
        async def tagged(request):
            return {"run": next(_runs)}

        @api.get("/secret/")
        @decorate_view(auth.login_required)
        async def secret(request):
            return {}

        return api

    async def ask(self, api, url, headers=None):
        class urls:
            urlpatterns = [path("", api.urls)]

        settings = {**SETTINGS, "ROOT_URLCONF": urls}
        requests = [(url, {"headers": headers or {}})] * 2
        return await tools.ask(tools.hello, requests, **settings)

    @pytest.mark.parametrize("url", ["/cached/", "/cached/sync/"])
    async def test_an_operation_is_cached(self, api, url):
        first, second = await self.ask(api, url)
        assert (first.status, first.body) == (200, second.body)

    async def test_its_tag_is_computed_by_a_coroutine(self, api):
        first, _ = await self.ask(api, "/tagged/")
        assert (b"ETag", b'"tag"') in first.headers
        assert (b"Vary", b"Cookie") in first.headers
        again, _ = await self.ask(api, "/tagged/", {"if-none-match": '"tag"'})
        assert again.status == 304

    async def test_nobody_is_let_in(self, api):
        first, _ = await self.ask(api, "/secret/")
        assert first.status == 302


async def tag(request):
    return "tag"
