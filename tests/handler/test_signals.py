"""Signals: senders, order and receivers of all kinds as on Django's handler."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
from dataclasses import dataclass

import django
import pytest
from asgiref.sync import async_to_sync
from django.core.cache import caches, close_caches
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler
from django.core.handlers.base import reset_urlconf
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, connection, connections, reset_queries
from django.http import HttpResponse
from django.test import override_settings
from django.urls import get_urlconf, path

from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.trace import record_hops
from tests.driver import drive, scope_for
from tests.handler.tools import assert_same, build, counted_crossings, watched_signals

HANDLERS = pytest.mark.parametrize(
    "handler_class", [DjangoASGIHandler, ASGIHandler], ids=["stock", "ours"]
)
BOTH = (request_started, request_finished)


@pytest.fixture(autouse=True)
def urls():
    with override_settings(ROOT_URLCONF="tests.handler.site", MIDDLEWARE=[]):
        yield


@contextlib.contextmanager
def connected(signal, receiver, **options):
    signal.connect(receiver, **options)
    try:
        yield
    finally:
        signal.disconnect(receiver, sender=options.get("sender"))


@contextlib.contextmanager
def disconnected(signal, *receivers):
    for receiver in receivers:
        signal.disconnect(receiver)
    try:
        yield
    finally:
        for receiver in receivers:
            signal.connect(receiver)


async def test_senders_are_djangos_class():
    seen = await assert_same(scope_for())
    assert seen.signals == [
        ("started", DjangoASGIHandler, ["scope", "signal"]),
        ("finished", DjangoASGIHandler, ["signal"]),
    ]


@HANDLERS
async def test_a_subclass_is_its_own_sender(handler_class):
    class Own(handler_class):
        pass

    with watched_signals() as sent:
        await drive(Own())
    assert [signal[:2] for signal in sent] == [("started", Own), ("finished", Own)]


@HANDLERS
@pytest.mark.parametrize("signal", BOTH, ids=["started", "finished"])
async def test_sync_receivers_come_before_async_ones(handler_class, signal):
    order = []

    async def first(**kwargs):
        await asyncio.sleep(0)
        order.append("async")

    def second(**kwargs):
        order.append(("sync", threading.current_thread() is threading.main_thread()))

    with connected(signal, first), connected(signal, second):
        await drive(handler_class())
    expected = [("sync", False), "async"]
    # Before 6.1 Django runs them side by side.
    assert order == expected or (django.VERSION < (6, 1) and order == expected[::-1])


@HANDLERS
@pytest.mark.parametrize("signal", BOTH, ids=["started", "finished"])
async def test_receivers_of_djangos_sender_only(handler_class, signal):
    """Also after a request whose signal has no sender: Django sends None for a bad query string."""
    seen = []

    def receiver(sender, **kwargs):
        seen.append(sender)

    handler = handler_class()
    with connected(signal, receiver, sender=DjangoASGIHandler):
        for query in (b"\xff", b"", b"\xff", b""):
            await drive(handler, query_string=query)
    assert len(seen) == (4 if signal is request_started else 2)


@HANDLERS
@pytest.mark.parametrize("signal", BOTH, ids=["started", "finished"])
async def test_receivers_that_cannot_be_hashed(handler_class, signal):
    @dataclass
    class Receiver:
        count: int = 0

        def __call__(self, **kwargs):
            self.count += 1

    receiver = Receiver()
    with connected(signal, receiver):
        await drive(handler_class())
    assert receiver.count == 1


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("signal", BOTH, ids=["started", "finished"])
async def test_a_receiver_that_raises(kind, signal):
    def sync_receiver(**kwargs):
        raise ValueError(kind)

    async def async_receiver(**kwargs):
        raise ValueError(kind)

    errors = []
    with connected(signal, sync_receiver if kind == "sync" else async_receiver):
        for handler_class in (DjangoASGIHandler, ASGIHandler):
            with pytest.raises((ValueError, ExceptionGroup)) as raised:
                await drive(handler_class())
            errors.append(repr(raised.value))
    assert errors[0] == errors[1]
    assert (await drive(build())).status == 200


async def test_receivers_may_come_and_go():
    handler, seen = build(), []

    def receiver(**kwargs):
        seen.append(threading.current_thread())

    await drive(handler)
    for signal in BOTH:
        signal.connect(receiver)
    with counted_crossings() as count:
        await drive(handler)
    assert (len(seen), count.hops) == (2, 2)
    assert seen[0] is seen[1]
    for signal in BOTH:
        signal.disconnect(receiver)
    with counted_crossings() as count:
        await drive(handler)
    assert (len(seen), count.hops) == (2, 0)


async def test_receivers_that_died_are_forgotten():
    handler = build()

    class Receiver:
        def __call__(self, **kwargs):
            raise AssertionError("never called")

    receiver = Receiver()
    request_started.connect(receiver)
    del receiver
    gc.collect()
    with counted_crossings() as count:
        await drive(handler)
    assert count.hops == 0


async def test_async_receivers_make_no_hop():
    handler, seen = build(), []

    async def receiver(signal, **kwargs):
        seen.append(signal)

    with (
        connected(request_started, receiver),
        connected(request_finished, receiver),
        counted_crossings() as count,
    ):
        await drive(handler)
    assert seen == list(BOTH)
    assert not count


async def test_receivers_that_are_held_strongly():
    handler, seen = build(), []
    request_started.connect(lambda **kwargs: seen.append(1), weak=False, dispatch_uid="strong")
    try:
        await drive(handler)
    finally:
        request_started.disconnect(dispatch_uid="strong")
    assert seen == [1]


async def test_djangos_own_receivers_may_be_disconnected():
    handler = build()
    with (
        disconnected(request_started, reset_queries, close_old_connections),
        disconnected(request_finished, close_old_connections, close_caches, reset_urlconf),
        counted_crossings() as count,
    ):
        assert (await drive(handler)).status == 200
    assert not count


@HANDLERS
@pytest.mark.parametrize("reset", [True, False])
async def test_the_urlconf_is_reset_at_the_end(handler_class, reset):
    scope, sent = scope_for(), []

    async def receive():
        return {"type": "http.request"}

    async def send(message):
        sent.append(message)

    with contextlib.ExitStack() as stack:
        if not reset:
            stack.enter_context(disconnected(request_finished, reset_urlconf))
        handler = handler_class()
        handler.listen_for_disconnect = lambda receive: asyncio.sleep(0)
        await handler(scope, receive, send)
    if reset or handler_class is ASGIHandler:
        assert get_urlconf() == (None if reset else "tests.handler.site")


@HANDLERS
async def test_the_urlconf_is_reset_after_a_request_that_used_a_thread(handler_class):
    async def receive():
        return {"type": "http.request"}

    async def send(message):
        pass

    handler = handler_class()
    handler.listen_for_disconnect = lambda receive: asyncio.sleep(0)
    await handler(scope_for("/sync/"), receive, send)
    assert get_urlconf() is None


class Closing(caches["default"].__class__):
    closed = 0

    def close(self, **kwargs):
        type(self).closed += 1


async def cached(request):
    caches["default"].get("key")
    return HttpResponse()


@HANDLERS
async def test_caches_that_can_be_closed_are_closed(handler_class):
    Closing.closed = 0
    with override_settings(
        CACHES={"default": {"BACKEND": f"{__name__}.Closing"}},
        ROOT_URLCONF=type("Urls", (), {"urlpatterns": [path("", cached)]}),
    ):
        assert (await drive(handler_class())).status == 200
    # Before 6.1 Django runs the view in a task of its own, whose caches it does not see at the end.
    assert Closing.closed == (handler_class is ASGIHandler or django.VERSION >= (6, 1))


async def test_djangos_local_cache_has_nothing_to_close():
    with override_settings(ROOT_URLCONF=type("Urls", (), {"urlpatterns": [path("", cached)]})):
        handler = build()
        with counted_crossings() as count:
            assert (await drive(handler)).status == 200
    assert not count


def queries(request):
    connection.queries_log.append({"sql": "SELECT 1"})
    return HttpResponse()


@HANDLERS
def test_connections_of_a_thread_that_waits_for_us_are_cleaned_up(handler_class, monkeypatch):
    """With async_to_sync, as in tests of Django's TestCase, sync code runs in the caller's thread."""
    closed = []
    monkeypatch.setattr(
        connections["default"],
        "close_if_unusable_or_obsolete",
        lambda: closed.append(threading.current_thread()),
    )
    with override_settings(ROOT_URLCONF=type("Urls", (), {"urlpatterns": [path("", queries)]})):
        handler = handler_class()
        for _ in range(2):
            async_to_sync(drive)(handler)
    assert closed == [threading.main_thread()] * 4
    assert len(connection.queries_log) == 1
    connection.queries_log.clear()


async def test_a_context_from_outside_whose_thread_was_used_is_cleaned_up():
    from asgiref.sync import ThreadSensitiveContext, sync_to_async

    handler = build()
    async with ThreadSensitiveContext():
        await sync_to_async(int)()
        with record_hops() as trace:
            await drive(handler)
    assert [hop.target.rpartition(".")[2] for hop in trace.hops] == [
        "sync_send",
        "close",
    ]
