"""The stores that stand in for Django's: whose they replace, and when a cache is awaited."""

from __future__ import annotations

import pytest
from django.contrib.sessions.backends import cache, cached_db, db, file, signed_cookies
from django.http import HttpResponse
from django.test import override_settings
from django.urls import path

from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.middleware import _sessions, _stores
from django_asynckit.middleware.sessions import SessionMiddleware
from django_asynckit.trace import record_hops
from tests.driver import drive
from tests.middleware import caches

BACKENDS = "django.contrib.sessions.backends"

FILES = "django.core.cache.backends.filebased.FileBasedCache"


async def view(request):
    return HttpResponse("ok")


async def write(request):
    await request.session.aset("color", "blue")
    return HttpResponse("ok")


async def read(request):
    return HttpResponse(str(await request.session.aget("color")))


urlpatterns = [path("write/", write), path("read/", read)]


@pytest.fixture(autouse=True)
def _forget():
    caches.forget()


@pytest.mark.parametrize("module", [db, cache, cached_db, file])
def test_djangos_stores_are_replaced_under_asgi_only(module, tmp_path, monkeypatch):
    monkeypatch.setattr(file.SessionStore, "_storage_path", str(tmp_path), raising=False)
    with override_settings(SESSION_ENGINE=module.__name__):
        store = SessionMiddleware(view).SessionStore
        assert store is not module.SessionStore
        assert issubclass(store, module.SessionStore)
        assert SessionMiddleware(lambda request: None).SessionStore is module.SessionStore


@pytest.mark.parametrize("module", [db, cache, cached_db, file])
def test_sessions_are_readable_for_djangos_store_and_the_other_way_round(module):
    djangos, ours = module.SessionStore(), _stores.native_store(module.SessionStore)()
    assert ours.decode(djangos.encode({"color": "blue"})) == {"color": "blue"}
    assert djangos.decode(ours.encode({"color": "blue"})) == {"color": "blue"}


def test_djangos_file_store_remembers_its_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(file.SessionStore, "_storage_path", str(tmp_path), raising=False)
    assert _stores.FileStore().storage_path == str(tmp_path)
    monkeypatch.setattr(file.SessionStore, "_storage_path", "/elsewhere")
    assert _stores.FileStore().storage_path == "/elsewhere"


def test_other_stores_stay():
    mine = type("Mine", (file.SessionStore,), {})
    assert _stores.native_store(mine) is mine
    assert _stores.native_store(signed_cookies.SessionStore) is signed_cookies.SessionStore


@pytest.mark.parametrize("store", _stores.NATIVE)
def test_our_stores_are_known_as_djangos_are(store):
    assert _sessions.reads_in_memory(store)
    assert not _sessions.awaits_natively(store)
    assert not _sessions.overrides_aload(store)


def site(backend):
    return override_settings(
        ROOT_URLCONF=__name__,
        MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"],
        SESSION_ENGINE=f"{BACKENDS}.cache",
        CACHES={"default": {"BACKEND": f"tests.middleware.caches.{backend}"}},
    )


async def hops_of(application, url, headers=None):
    with record_hops() as trace:
        reply = await drive(application, url, headers=headers)
    return reply, [hop.target.rpartition(".")[2] for hop in trace.hops if "close" not in hop.target]


@pytest.mark.parametrize(
    ("backend", "on_loop", "hops"),
    [
        ("AsyncCache", {True}, ([], [])),
        ("BothCache", {True}, ([], [])),
        (
            "SyncCache",
            {False},
            (["process_request", "process_response"], ["process_request", "load"]),
        ),
        (
            "GetOverridden",
            {False},
            (["process_request", "process_response"], ["process_request", "load"]),
        ),
    ],
)
async def test_where_a_session_in_a_cache_is_saved_and_read(backend, on_loop, hops):
    with site(backend):
        application = ASGIHandler()
        reply, saved = await hops_of(application, "/write/")
        cookie = f"sessionid={reply.cookies['sessionid']}"
        reply, read = await hops_of(application, "/read/", {"cookie": cookie})
    assert reply.body == b"blue"
    assert caches.on_loop() == on_loop
    assert (saved, read) == hops


async def test_cached_db_asks_an_async_cache_whether_a_key_exists():
    with site("AsyncCache"):
        store = _stores.CachedDatabaseStore()
        await store._cache.aset(f"{store.cache_key_prefix}known", {})
        with record_hops() as trace:
            assert await store.aexists("known") is True
    assert trace.hops == []
    assert caches.names() == ["aset", "aget"]


def test_which_caches_are_made_on_the_loop():
    assert _sessions.is_made_in_memory(_stores.CacheStore)
    for backend, expected in [("BothCache", True), ("SyncCache", False), ("make_cache", False)]:
        with site(backend):
            assert _sessions.is_made_in_memory(_stores.CacheStore) is expected
    with override_settings(CACHES={"default": {"BACKEND": FILES}}):
        assert not _sessions.is_made_in_memory(_stores.CacheStore)
    with override_settings(SESSION_CACHE_ALIAS="nowhere"):
        assert not _sessions.is_made_in_memory(_stores.CacheStore)
