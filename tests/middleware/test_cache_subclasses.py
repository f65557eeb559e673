"""Subclasses of the cache middleware, and the middleware used directly, as ``cache_page`` does."""

from __future__ import annotations

import pytest
from django.core.cache import caches
from django.core.cache.backends import locmem
from django.http import HttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.test import RequestFactory, override_settings

from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.middleware import non_blocking
from django_asynckit.middleware.cache import (
    CacheMiddleware,
    FetchFromCacheMiddleware,
    UpdateCacheMiddleware,
)
from tests.middleware import caches as backends
from tests.middleware.cached_site import DUMMY, LOCMEM, OURS, hops_of, site


@pytest.fixture(autouse=True)
def _forget():
    backends.forget()
    yield
    backends.forget()
    locmem._caches.clear()
    locmem._expire_info.clear()


# Subclasses.


class OwnCache(CacheMiddleware):
    @property
    def cache(self):
        backends.note("cache")
        return super().cache


class MarkedCache(CacheMiddleware):
    @property
    @non_blocking
    def cache(self):
        backends.note("cache")
        return caches["default"]


class TenantPrefix(CacheMiddleware):
    @property
    def key_prefix(self):
        backends.note("prefix")
        return "tenant"

    @key_prefix.setter
    def key_prefix(self, value):
        pass


class PlainAttributes(CacheMiddleware):
    key_prefix = "class"
    page_timeout = 5

    def __init__(self, get_response):
        super().__init__(get_response)
        self.cache_timeout = 9
        self.key_prefix = "mine"


class OwnPolicy(CacheMiddleware):
    def _should_update_cache(self, request, response):
        backends.note("policy")
        return super()._should_update_cache(request, response)


class MarkedPolicy(CacheMiddleware):
    @non_blocking
    def _should_update_cache(self, request, response):
        backends.note("policy")
        assert "other" not in self.cache
        assert self.cache.get("other") is None
        assert self.cache.key_prefix == ""
        return super()._should_update_cache(request, response)


class OwnResponseHook(CacheMiddleware):
    def process_response(self, request, response):
        backends.note("process_response")
        return super().process_response(request, response)


class OwnRequestHook(UpdateCacheMiddleware, FetchFromCacheMiddleware):
    def process_request(self, request):
        backends.note("process_request")
        return super().process_request(request)


@pytest.mark.parametrize(
    ("name", "noted", "hops"),
    [
        ("OwnCache", "cache", 2),
        ("MarkedCache", "cache", 2),
        ("TenantPrefix", "prefix", 2),
        ("OwnPolicy", "policy", 2),
        ("OwnResponseHook", "process_response", 1),
        ("OwnRequestHook", "process_request", 1),
    ],
)
@pytest.mark.parametrize("backend", [LOCMEM, f"{OURS}.BothCache"])
async def test_an_override_runs_in_a_thread_and_decides(backend, name, noted, hops):
    with site(backend, [f"{__name__}.{name}"]):
        application = ASGIHandler()
        first, hops_made = await hops_of(application)
        second, _ = await hops_of(application)
    assert first.body == second.body
    assert len(hops_made) == hops
    assert (noted, False) in backends.calls
    assert (noted, True) not in backends.calls


async def test_a_marked_override_runs_inline_and_has_the_cache_itself():
    with site(LOCMEM, [f"{__name__}.MarkedPolicy"]):
        _, hops = await hops_of(ASGIHandler())
    assert hops == []
    assert backends.calls == [("policy", True)]


async def test_attributes_of_a_subclass_count():
    with site(f"{OURS}.BothCache", [f"{__name__}.PlainAttributes"]):
        reply, hops = await hops_of(ASGIHandler())
    assert hops == []
    assert dict(reply.headers)[b"Cache-Control"] == b"max-age=9"
    assert all(".mine." in key for key in backends.stored)


# Used directly, as ``cache_page`` does.


async def view(request):
    return HttpResponse("page")


async def test_arguments_are_those_of_djangos_class():
    other = {"BACKEND": f"{OURS}.BothCache"}
    with override_settings(CACHES={"default": {"BACKEND": DUMMY}, "other": other}):
        middleware = CacheMiddleware(view, 60, page_timeout=7, cache_alias="other", key_prefix="p")
        response = await middleware(RequestFactory().get("/"))
    assert response.headers["Cache-Control"] == "max-age=7"
    assert backends.names() == ["aget", "aset", "aset"]
    assert all(".p." in key for key in backends.stored)
    middleware = CacheMiddleware(view, cache_alias=None, key_prefix=None)
    assert (middleware.cache_alias, middleware.key_prefix) == ("default", "")


@pytest.mark.parametrize("backend", ["SyncCache", "BothCache"])
async def test_a_template_response_is_cached_when_it_is_rendered(backend):
    template = engines["django"].from_string("rendered")

    async def late(request):
        return TemplateResponse(request, template)

    with site(f"{OURS}.{backend}"):
        middleware = CacheMiddleware(late, page_timeout=60)
        response = await middleware(RequestFactory().get("/"))
        assert len(backends.stored) == 1
        response.render()
        assert len(backends.stored) == 2
        hit = await middleware(RequestFactory().get("/"))
    assert hit.content == b"rendered"


@pytest.mark.parametrize("backend", [LOCMEM, f"{OURS}.BothCache"])
def test_under_wsgi_it_is_djangos_class(backend):
    with site(backend):
        middleware = CacheMiddleware(lambda request: HttpResponse("page"), page_timeout=60)
        for _ in range(2):
            assert middleware(RequestFactory().get("/")).content == b"page"
    assert backends.names() == ([] if backend == LOCMEM else ["get", "set", "set", "get", "get"])
