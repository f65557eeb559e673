"""The cache middleware: Django's policy on the event loop; awaited, inline or one hop for what is stored."""

from __future__ import annotations

import pickle

import pytest
from django.core.cache import InvalidCacheBackendError, caches
from django.core.cache.backends import locmem
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler
from django.http import HttpResponse

from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.middleware import _caches
from tests.driver import drive
from tests.middleware import cached_site
from tests.middleware import caches as backends
from tests.middleware.cached_site import DUMMY, FLOWS, LOCMEM, ONE, OURS, TWO, hops_of, site


@pytest.fixture(autouse=True)
def _forget():
    backends.forget()
    yield
    backends.forget()
    locmem._caches.clear()
    locmem._expire_info.clear()


# The same answers as stock Django.


@pytest.mark.parametrize("middleware", [ONE, TWO], ids=["one", "two"])
@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("backend", [LOCMEM, f"{OURS}.SyncCache", f"{OURS}.BothCache", DUMMY])
async def test_answers_are_those_of_stock_django(backend, flow, middleware):
    with site(backend, middleware):
        stock, ours = await cached_site.both(FLOWS[flow])
    assert ours == stock


def what_is_cached():
    contents = {**backends.stored, **locmem._caches.get("", {})}
    return {key: shown(pickle.loads(value)) for key, value in contents.items()}


def shown(value):
    return value if isinstance(value, list) else (value.content, sorted(value.headers), vars(value))


@pytest.mark.parametrize("backend", [LOCMEM, f"{OURS}.SyncCache", f"{OURS}.BothCache"])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"USE_I18N": False, "USE_TZ": False},
        {"CACHE_MIDDLEWARE_KEY_PREFIX": "site"},
        {"CACHE_MIDDLEWARE_SECONDS": 0},
        {"CACHE_MIDDLEWARE_SECONDS": -1},
        {"LANGUAGE_CODE": "de", "TIME_ZONE": "Europe/Berlin"},
    ],
    ids=str,
)
async def test_the_same_keys_and_pages_are_cached(backend, settings, monkeypatch):
    flow = [step for name in ("hit", "Vary", "HEAD first", "other views") for step in FLOWS[name]]
    monkeypatch.setattr("django.utils.cache.time.time", lambda: 2_000_000_000)
    cached = []
    with site(backend, **settings):
        for handler_class in (DjangoASGIHandler, ASGIHandler):
            await cached_site.answers(handler_class, flow)
            cached.append({key: str(value) for key, value in what_is_cached().items()})
    assert cached[1] == cached[0]
    assert bool(cached[0]) is (settings.get("CACHE_MIDDLEWARE_SECONDS") != 0)


async def test_timeouts_given_to_the_cache_are_djangos(monkeypatch):
    given = []
    original = backends.BothCache.aset

    async def aset(self, key, value, timeout, **kwargs):
        given.append(timeout)
        await original(self, key, value, timeout, **kwargs)

    monkeypatch.setattr(backends.BothCache, "aset", aset)
    with site(f"{OURS}.BothCache", CACHE_MIDDLEWARE_SECONDS=30):
        application = ASGIHandler()
        await drive(application)
        await drive(application, "/?Cache-Control=max-age%3D7")
    assert given == [30, 30, 7, 7]


# Where the cache is used.


@pytest.mark.parametrize("middleware", [ONE, TWO], ids=["one", "two"])
@pytest.mark.parametrize("backend", [LOCMEM, DUMMY])
async def test_an_in_memory_cache_is_used_inline(backend, middleware):
    with site(backend, middleware):
        application = ASGIHandler()
        for url in ("/", "/", "/json/"):
            reply, hops = await hops_of(application, url)
            assert (reply.status, hops) == (200, [])


@pytest.mark.parametrize("middleware", [ONE, TWO], ids=["one", "two"])
@pytest.mark.parametrize(
    ("backend", "expected"),
    [
        ("AsyncCache", ["aget", "aset", "aset", "aget", "aget"]),
        ("BothCache", ["aget", "aset", "aset", "aget", "aget"]),
        (
            "AsyncUnderSyncNames",
            ["async get", "async set", "async set", "async get", "async get"],
        ),
    ],
)
async def test_async_methods_of_a_backend_are_awaited(backend, expected, middleware):
    with site(f"{OURS}.{backend}", middleware):
        application = ASGIHandler()
        first, hops = await hops_of(application)
        second, more_hops = await hops_of(application)
    assert first.body == second.body
    assert hops == more_hops == []
    assert backends.names() == expected
    assert backends.on_loop() == {True}


@pytest.mark.parametrize(
    ("backend", "calls"),
    [
        ("SyncCache", ["get", "set", "set", "get", "get"]),
        ("make_cache", ["get", "set", "set", "get", "get"]),
        ("LocMemSubclass", ["get", "set", "set", "get", "get"]),
        (
            "GetOverridden",
            ["overridden get", "get", "aset", "aset", *["overridden get", "get"] * 2],
        ),
        ("SetOverridden", ["aget", *["overridden set", "set"] * 2, "aget", "aget"]),
        (
            "KeysOverridden",
            [
                name
                for method in ("get", "set", "set", "get", "get")
                for name in (method, "make_key")
            ],
        ),
    ],
)
async def test_sync_code_of_a_backend_runs_in_one_hop_for_each_hook(backend, calls):
    with site(f"{OURS}.{backend}"):
        application = ASGIHandler()
        miss, hops = await hops_of(application)
        hit, more_hops = await hops_of(application)
    assert miss.body == hit.body
    assert backends.names() == calls
    awaited = {"aget", "aset"} & set(calls)
    assert not any(where for name, where in backends.calls if name not in awaited)
    assert (len(hops), len(more_hops)) == {
        "GetOverridden": (1, 1),
        "SetOverridden": (1, 0),
    }.get(backend, (2, 1))


@pytest.mark.parametrize("backend", [LOCMEM, f"{OURS}.BothCache"])
@pytest.mark.parametrize(("function", "inline"), [("tenant_key", False), ("plain_key", True)])
async def test_a_key_function_runs_in_a_thread_unless_it_is_marked(backend, function, inline):
    with site(backend, options={"KEY_FUNCTION": f"{OURS}.{function}"}):
        _, hops = await hops_of(ASGIHandler())
    assert len(hops) == (0 if inline else 2)
    assert {where for name, where in backends.calls if name == "key"} == {inline}


async def test_an_async_only_backend_has_its_key_function_called_inline():
    with site(f"{OURS}.AsyncCache", options={"KEY_FUNCTION": f"{OURS}.tenant_key"}):
        _, hops = await hops_of(ASGIHandler())
    assert hops == []


@pytest.mark.parametrize("backend", [LOCMEM, f"{OURS}.BothCache"])
async def test_a_method_that_was_put_on_the_cache_itself_runs_in_a_thread(backend):
    with site(backend):
        cache = caches["default"]
        get = cache.get
        cache.get = lambda *args, **kwargs: (backends.note("patched"), get(*args, **kwargs))[1]
        reply, hops = await hops_of(ASGIHandler())
    assert reply.status == 200
    assert hops[0] == "process_request"
    assert ("patched", False) in backends.calls
    assert ("patched", True) not in backends.calls


async def test_a_backend_that_was_never_imported_is_imported_in_a_thread(monkeypatch):
    with site(f"{OURS}.BothCache"):
        application = ASGIHandler()
        monkeypatch.delitem(__import__("sys").modules, OURS)
        _, hops = await hops_of(application)
    assert hops[0] == "process_request"


@pytest.mark.parametrize("backend", [f"{OURS}.SyncCache", f"{OURS}.BothCache", LOCMEM])
@pytest.mark.parametrize(
    ("url", "method"),
    [
        ("/", "POST"),
        ("/", "DELETE"),
    ],
)
async def test_a_request_that_is_not_cached_makes_no_hop(backend, url, method):
    with site(backend):
        _, hops = await hops_of(ASGIHandler(), url, method)
    assert hops == []
    assert backends.calls == []


@pytest.mark.parametrize(
    "url",
    ["/?status=201", "/?Cache-Control=private", "/?Cache-Control=max-age%3D0", "/stream/"],
)
async def test_a_response_that_is_not_cached_makes_no_second_hop(url):
    with site(f"{OURS}.SyncCache"):
        _, hops = await hops_of(ASGIHandler(), url)
    assert hops == ["process_request"]
    assert backends.names() == ["get"]


async def test_a_response_with_something_lazy_is_pickled_in_a_thread():
    with site(LOCMEM):
        application = ASGIHandler()
        first, hops = await hops_of(application, "/lazy/")
        second, more_hops = await hops_of(application, "/lazy/")
    assert hops == ["_store_now"]
    assert first.body == second.body
    assert more_hops == []
    assert backends.calls == [("pickled", False)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (["HTTP_COOKIE"], True),
        (HttpResponse("a"), True),
        (type("Other", (HttpResponse,), {})("a"), False),
        ({}, False),
    ],
)
def test_what_pickles_in_memory(value, expected):
    assert _caches.pickles_in_memory(value) is expected


def test_a_response_with_closers_is_not_known_to_pickle_in_memory():
    response = HttpResponse("a")
    response._resource_closers.append(len)
    assert not _caches.pickles_in_memory(response)


def test_objects_without_the_methods_of_a_cache_are_not_known():
    assert _caches.awaitable(object(), "get") is None
    assert not _caches.is_in_memory(None)


# Errors.


class Failing(backends.SyncCache):
    def get(self, key, default=None, version=None):
        raise ValueError("the cache is down")


class FailingAsync(backends.AsyncCache):
    async def aget(self, key, default=None, version=None):
        raise ValueError("the cache is down")


class FailingToStore(backends.BothCache):
    async def aset(self, key, value, timeout=None, version=None):
        raise ValueError("the cache is down")


@pytest.mark.parametrize("backend", ["Failing", "FailingAsync", "FailingToStore"])
async def test_an_error_of_the_cache_is_what_it_is_on_stock_django(backend):
    seen = []
    with site(f"{__name__}.{backend}", DEBUG_PROPAGATE_EXCEPTIONS=True):
        with pytest.raises(ValueError, match="the cache is down") as caught:
            await drive(ASGIHandler())
        seen.append(caught.value.__context__)
    assert seen == [None]


async def test_an_unknown_cache_is_reported_as_by_stock_django():
    with site(CACHE_MIDDLEWARE_ALIAS="nowhere", DEBUG_PROPAGATE_EXCEPTIONS=True):
        for handler_class in (DjangoASGIHandler, ASGIHandler):
            with pytest.raises(InvalidCacheBackendError):
                await drive(handler_class())
