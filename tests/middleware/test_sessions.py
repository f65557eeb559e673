"""``SessionMiddleware``: which stores are saved where."""

from __future__ import annotations

import pytest
from django.contrib.sessions.backends import cache, cached_db, db, file, signed_cookies
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler
from django.http import HttpResponse
from django.test import override_settings
from django.urls import path

from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.middleware import _sessions
from django_asynckit.middleware.sessions import SessionMiddleware
from django_asynckit.trace import record_hops
from tests.driver import drive, plain_root_logger
from tests.middleware import stores

ENGINES = "tests.middleware.engines"
MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware"]


async def write(request):
    await request.session.aset("color", "blue")
    return HttpResponse("ok", status=int(request.GET.get("status", "200")))


async def write_with_expiry(request):
    await request.session.aset("color", "blue")
    await request.session.aset_expiry(int(request.GET["expiry"]))
    return HttpResponse("ok")


async def read(request):
    return HttpResponse(str(await request.session.aget("color")))


async def error(request):
    return HttpResponse("broken", status=500)


async def vanish(request):
    await request.session.aset("color", "red")
    stores.saved.clear()
    return HttpResponse("ok")


async def no_session(request):
    del request.session
    return HttpResponse("ok")


async def other_session(request):
    request.session = object()
    return HttpResponse("ok")


urlpatterns = [
    path("write/", write),
    path("expiry/", write_with_expiry),
    path("read/", read),
    path("vanish/", vanish),
    path("error/", error),
    path("none/", no_session),
    path("other/", other_session),
]


@pytest.fixture(autouse=True)
def _forget():
    stores.calls.clear()
    stores.saved.clear()
    _sessions.reads_in_memory.cache_clear()
    _sessions.awaits_natively.cache_clear()


def engine(name, **settings):
    return override_settings(
        ROOT_URLCONF=__name__,
        MIDDLEWARE=MIDDLEWARE,
        SESSION_ENGINE=f"{ENGINES}.{name}",
        **settings,
    )


async def hops_for(url, headers=None):
    application = ASGIHandler()
    with record_hops() as trace, plain_root_logger():
        reply = await drive(application, url, headers=headers)
    return reply, [hop.target.rpartition(".")[2] for hop in trace.hops]


async def test_a_natively_async_store_is_awaited():
    with engine("asyncstore"):
        reply, hops = await hops_for("/write/")
        assert hops == []
        assert {on_loop for _, on_loop in stores.calls} == {True}
        assert list(stores.saved.values()) == [{"color": "blue"}]
        cookie = f"sessionid={reply.cookies['sessionid']}"
        reply, hops = await hops_for("/read/", {"cookie": cookie})
        assert (reply.body, hops) == (b"blue", [])
        assert (b"Vary", b"Cookie") in reply.headers


@pytest.mark.parametrize(
    ("url", "settings"),
    [
        ("/write/", {}),
        ("/write/?status=500", {}),
        ("/write/", {"SESSION_EXPIRE_AT_BROWSER_CLOSE": True}),
        ("/write/", {"SESSION_COOKIE_SECURE": True, "SESSION_COOKIE_HTTPONLY": False}),
        ("/expiry/?expiry=0", {}),
        ("/expiry/?expiry=60", {}),
        ("/read/", {"SESSION_SAVE_EVERY_REQUEST": True}),
    ],
)
async def test_an_awaited_store_gets_the_cookie_of_djangos_middleware(url, settings):
    with engine("asyncstore", **settings):
        ours = await drive(ASGIHandler(), url)
        # Django's middleware calls save(), which this store only notes: give it a key.
        with override_settings(SESSION_ENGINE=f"{ENGINES}.syncsaveoverridden"):
            stock = await drive(DjangoASGIHandler(), url)

    def shape(reply):
        headers = [
            (name, value.split(b";", 1)[1] if b"sessionid=" in value else value)
            for name, value in reply.headers
        ]
        return (
            reply.status,
            reply.body,
            [(n, v.split(b"expires=")[0]) for n, v in headers],
        )

    assert shape(ours) == shape(stock)


async def test_a_session_that_was_not_read_does_not_vary_a_server_error():
    with engine("asyncstore", SESSION_SAVE_EVERY_REQUEST=True):
        stores.saved["k" * 32] = {"color": "blue"}
        reply, hops = await hops_for("/error/", {"cookie": "sessionid=" + "k" * 32})
        assert (reply.status, hops) == (500, [])
        assert b"Vary" not in dict(reply.headers)


async def test_a_session_deleted_meanwhile_is_a_bad_request():
    with engine("asyncstore"):
        reply, _ = await hops_for("/write/")
        cookie = f"sessionid={reply.cookies['sessionid']}"
        reply, _ = await hops_for("/vanish/", {"cookie": cookie})
        assert reply.status == 400


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("syncsaveoverridden", "overridden save"),
        ("syncexpiryoverridden", "overridden get_expiry_age"),
        ("signedsubclass", "signed save"),
        ("readselsewhere", "overridden get"),
    ],
)
async def test_an_overridden_sync_method_runs_off_the_loop(name, expected):
    with engine(name):
        _, hops = await hops_for("/write/")
        assert "process_response" in hops
        assert (expected, False) in stores.calls
        assert (expected, True) not in stores.calls


async def test_a_store_that_may_block_when_made_is_made_off_the_loop():
    with engine("madeslowly"):
        _, hops = await hops_for("/read/")
        assert hops[0] == "process_request"
        assert stores.calls[0] == ("made", False)


class SetsItsStoreLate(SessionMiddleware):
    def __init__(self, get_response):
        super().__init__(get_response)
        self.SessionStore = stores.MadeSlowly


async def test_a_store_that_is_set_late_is_made_off_the_loop():
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[f"{__name__}.SetsItsStoreLate"]):
        await hops_for("/read/")
    assert stores.calls[0] == ("made", False)


def test_a_store_may_be_made_by_a_function():
    assert not _sessions.is_made_in_memory(lambda key: None)


@pytest.mark.parametrize("url", ["/none/", "/other/"])
async def test_a_request_whose_session_was_replaced(url):
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=MIDDLEWARE):
        ours, stock = (
            await drive(ASGIHandler(), url),
            await drive(DjangoASGIHandler(), url),
        )
        assert (ours.status, ours.headers, ours.body) == (
            stock.status,
            stock.headers,
            stock.body,
        )


@pytest.mark.parametrize(
    "store",
    [module.SessionStore for module in (db, cache, cached_db, file)],
    ids=["db", "cache", "cached_db", "file"],
)
def test_djangos_stores_are_not_native_since_they_hop_for_each_step(store):
    assert not _sessions.awaits_natively(store)
    assert not _sessions.awaits_natively(type("Sub", (store,), {}))
    assert _sessions.reads_in_memory(store)


def test_a_store_that_is_no_sessionbase_is_not_known():
    assert not _sessions.awaits_natively(dict)
    assert not _sessions.reads_in_memory(dict)


def test_a_store_with_properties_for_its_flags_is_not_known():
    flags = {"modified": property(lambda self: True, lambda self, value: None)}
    assert not _sessions.reads_in_memory(type("Flags", (stores.AsyncStore,), flags))


def test_which_stores_are_made_in_memory(tmp_path, monkeypatch):
    # The class remembers its folder, and its subclasses inherit that.
    monkeypatch.delattr(file.SessionStore, "_storage_path", raising=False)
    assert _sessions.is_made_in_memory(db.SessionStore)
    assert _sessions.is_made_in_memory(signed_cookies.SessionStore)
    assert _sessions.is_made_in_memory(cache.SessionStore)
    with override_settings(CACHES={"default": {"BACKEND": "third.party.Cache"}}):
        assert not _sessions.is_made_in_memory(cache.SessionStore)
        assert not _sessions.is_made_in_memory(cached_db.SessionStore)
    with override_settings(SESSION_FILE_PATH=str(tmp_path)):
        assert _sessions.is_made_in_memory(type("Fresh", (file.SessionStore,), {}))
    with override_settings(SESSION_FILE_PATH=str(tmp_path / "missing")):
        store = type("Unconfigured", (file.SessionStore,), {"_get_storage_path": _missing})
        assert not _sessions.is_made_in_memory(store)


@classmethod
def _missing(cls):
    from django.core.exceptions import ImproperlyConfigured

    raise ImproperlyConfigured
