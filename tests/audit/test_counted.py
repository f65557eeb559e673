"""What the audit says is what real requests count."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler
from django.core.signals import request_finished, request_started
from django.test import override_settings
from django.urls import path

from django_asynckit.audit.stack import audit_stack
from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.trace import record_hops
from tests.audit import stacks
from tests.audit.kinds import EVERY_KIND
from tests.driver import drive, plain_root_logger
from tests.settings import MIDDLEWARE as STARTPROJECT

KINDS = "tests.audit.stacks"
SYNC = f"{KINDS}.sync_function"
SECURITY, SESSIONS, COMMON, CSRF, AUTH, MESSAGES, FRAMES = STARTPROJECT

urlpatterns = [path("", stacks.page), path("sync/", stacks.sync_page)]


def counted(**settings):
    """Return the hops of real requests."""
    with override_settings(ROOT_URLCONF=__name__, **settings), plain_root_logger():
        return {
            name: {
                "async_view": asyncio.run(_count(handler, "/")),
                "sync_view": asyncio.run(_count(handler, "/sync/")),
            }
            for name, handler in (("stock", DjangoASGIHandler()), ("asynckit", ASGIHandler()))
        }


async def _count(handler, url):
    reply = await drive(handler, url)
    assert reply.status == 200, reply
    with record_hops() as trace:
        await drive(handler, url)
    assert trace.unfinished == 0
    return len(trace.hops)


def audited(*, makes=True, **settings):
    with override_settings(ROOT_URLCONF=__name__, **settings):
        return audit_stack(makes=makes).totals()


def assert_counted(*, classes_tell=True, **settings):
    """Also with a sync chain, where the stack allows one; return the hops with one chain."""
    assert_equal(classes_tell=classes_tell, ASYNCKIT_SYNC_CHAIN=True, **settings)
    return assert_equal(classes_tell=classes_tell, ASYNCKIT_SYNC_CHAIN=False, **settings)


def assert_equal(*, classes_tell, **settings):
    hops = counted(**settings)
    assert audited(**settings) == hops
    if classes_tell:
        assert audited(makes=False, **settings) == hops
    return hops


def test_startproject_makes_15_hops_and_none_with_our_handler():
    hops = assert_counted(MIDDLEWARE=STARTPROJECT)
    assert hops["stock"] == {"async_view": 15, "sync_view": 16}
    assert hops["asynckit"] == {"async_view": 0, "sync_view": 1}


def test_each_hook_is_counted_for_its_middleware():
    """Every hop of a real request is that of a hook which the audit names, and the other way round."""
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=STARTPROJECT):
        entries = audit_stack(makes=True).entries
        with plain_root_logger():
            trace = asyncio.run(_trace(DjangoASGIHandler()))
    audited = Counter(
        {
            f"{entry.path}.{hook}": hops
            for entry in entries
            for hook, hops in entry.stock.hooks.items()
        }
    )
    counted = Counter(hop.target for hop in trace.hops if "iddleware" in hop.target)
    assert counted == audited
    assert counted.total() == 13


async def _trace(handler):
    await drive(handler, "/")
    with record_hops() as trace:
        await drive(handler, "/")
    return trace


def test_no_middleware_leaves_the_handlers_own():
    assert assert_counted(MIDDLEWARE=[])["stock"]["async_view"] == 2


@pytest.mark.parametrize("position", range(8))
def test_a_sync_only_middleware_at_any_place(position):
    assert_counted(MIDDLEWARE=[*STARTPROJECT[:position], SYNC, *STARTPROJECT[position:]])


@pytest.mark.parametrize("path", EVERY_KIND)
def test_every_kind_alone(path):
    assert_counted(MIDDLEWARE=[path])


@pytest.mark.parametrize("path", EVERY_KIND)
def test_every_kind_above_and_below_something_sync(path):
    assert_counted(MIDDLEWARE=[SECURITY, path, SYNC, COMMON])
    assert_counted(MIDDLEWARE=[SYNC, CSRF, path, COMMON])


def test_all_kinds_together():
    assert_counted(MIDDLEWARE=EVERY_KIND)
    assert_counted(MIDDLEWARE=EVERY_KIND[::-1])


def test_native_classes_by_path_are_the_same_without_our_handler():
    native = ["django_asynckit.middleware.security.SecurityMiddleware"]
    assert assert_counted(MIDDLEWARE=native)["stock"]["async_view"] == 2


@pytest.mark.parametrize("name", ["sync_function", "SyncClass", "Hooks"])
def test_declared_middleware_makes_no_hop(name):
    paths = [f"{KINDS}.{name}"]
    hops = assert_counted(MIDDLEWARE=paths, ASYNCKIT_NON_BLOCKING_MIDDLEWARE=paths)
    assert hops["asynckit"]["async_view"] == 0
    assert_counted(MIDDLEWARE=[CSRF, *paths, SYNC, COMMON], ASYNCKIT_NON_BLOCKING_MIDDLEWARE=paths)


def test_what_is_not_used_takes_no_part():
    assert_counted(
        MIDDLEWARE=[SECURITY, f"{KINDS}.NotUsed", COMMON],
        classes_tell=False,
    )


def test_hooks_that_only_an_object_shows_need_one():
    assert_counted(MIDDLEWARE=[f"{KINDS}.Late"], classes_tell=False)


@pytest.mark.parametrize(
    "settings",
    [
        {"SESSION_ENGINE": "django.contrib.sessions.backends.db"},
        {"SESSION_ENGINE": "tests.audit.stores"},
        {"SESSION_ENGINE": "tests.audit.stores", "CSRF_USE_SESSIONS": True},
        {"CSRF_USE_SESSIONS": True},
        {"MESSAGE_STORAGE": "tests.audit.stores.Storage"},
        {"ASYNCKIT_NATIVE_MIDDLEWARE": False},
    ],
    ids=str,
)
def test_settings_change_what_native_classes_do(settings):
    assert_counted(MIDDLEWARE=STARTPROJECT, **settings)


@pytest.mark.parametrize(
    "backend",
    [
        "django.core.cache.backends.locmem.LocMemCache",
        "tests.audit.stores.SlowCache",
        "tests.audit.stores.AsyncCache",
    ],
)
def test_cache_middleware_hops_where_the_cache_may_block(backend):
    # A view that says so is not stored: each request is the first one for its page.
    assert_counted(
        MIDDLEWARE=[
            "django.middleware.cache.UpdateCacheMiddleware",
            "django.middleware.cache.FetchFromCacheMiddleware",
        ],
        CACHES={"default": {"BACKEND": backend}},
        CACHE_MIDDLEWARE_SECONDS=1e-9,
    )


def sync_receiver(**kwargs):
    """Makes a hop with both handlers."""


async def async_receiver(**kwargs):
    """Awaited when a request begins; reached from a thread when it ends."""


@pytest.mark.parametrize("receiver", [sync_receiver, async_receiver])
@pytest.mark.parametrize("signal", [request_started, request_finished])
def test_receivers_of_signals(signal, receiver):
    signal.connect(receiver)
    try:
        assert_counted(MIDDLEWARE=[])
    finally:
        signal.disconnect(receiver)


def test_both_kinds_of_receivers_at_the_end():
    request_finished.connect(sync_receiver)
    request_finished.connect(async_receiver)
    try:
        assert_counted(MIDDLEWARE=[])
    finally:
        request_finished.disconnect(sync_receiver)
        request_finished.disconnect(async_receiver)


def test_a_signal_without_receivers_makes_no_hop(monkeypatch):
    monkeypatch.setattr(request_started, "receivers", [])
    request_started.sender_receivers_cache.clear()
    assert assert_counted(MIDDLEWARE=[])["stock"]["async_view"] == 1
