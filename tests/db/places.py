"""Each place where a block of ``aatomic`` may be left."""

from __future__ import annotations

import asyncio
import unittest
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from asgiref.sync import async_to_sync, sync_to_async
from django.core.handlers.asgi import ASGIHandler as StockHandler
from django.db import connections, transaction
from django.dispatch import Signal
from django.http import HttpResponse
from django.test import TestCase, TransactionTestCase, override_settings
from django.urls import path

from django_asynckit.db import aatomic, agather, aon_commit
from django_asynckit.handler.asgi import ASGIHandler
from tests.db.tools import no_lease
from tests.db.ways import Cell, state
from tests.driver import drive, plain_root_logger


@dataclass(frozen=True, eq=False)
class Place:
    """Where a block is left: ``run(cell)`` is called in a thread of its own."""

    name: str
    run: Callable[[Cell], None]
    #: Whether what is written behind it is in the same coroutine.
    is_async: bool = False
    #: Whether all code there has one connection.
    is_shared: bool = False
    #: Whether a thread waits for it in ``async_to_sync``.
    has_frame: bool = True
    #: Whether that is inside of another block, as it is with ``ATOMIC_REQUESTS``.
    is_in_block: bool = False
    #: Whether that makes an event loop of its own, which ends with it.
    ends_loop: bool = False

    def __str__(self) -> str:
        return self.name


# Requests.


def serve(cell: Cell, view: Any, *middleware: str, handler: Any = ASGIHandler) -> None:
    """Answer one request with ``view``, on a loop that goes on until all tasks have ended."""

    async def main() -> None:
        urls = type("Urls", (), {"urlpatterns": [path("", view)]})
        with plain_root_logger(), override_settings(ROOT_URLCONF=urls, MIDDLEWARE=middleware):
            reply = await drive(handler(), "/")
        if reply.status != (500 if cell.is_refused else 200):
            cell.faults.append(f"answered with {reply.status}")
        await cell.finish()

    asyncio.run(main())


def as_view(body: Callable[[], Any]) -> Any:
    if asyncio.iscoroutinefunction(body):

        async def async_view(request):
            await body()
            return HttpResponse("done")

        return async_view

    def view(request):
        body()
        return HttpResponse("done")

    return view


def async_view(cell):
    serve(cell, as_view(cell.async_body))


def sync_view(cell):
    serve(cell, as_view(cell.sync_body))


def atomic(place):
    """Run it with ``ATOMIC_REQUESTS``."""

    def run(cell):
        settings = connections.settings["default"]
        before, settings["ATOMIC_REQUESTS"] = settings["ATOMIC_REQUESTS"], True
        try:
            place(cell)
        finally:
            settings["ATOMIC_REQUESTS"] = before

    return run


def sync_only(get_response):
    def middleware(request):
        return get_response(request)

    return middleware


def under_sync_middleware(cell):
    serve(cell, as_view(cell.async_body), f"{__name__}.sync_only")


def in_sync_middleware(cell):
    def middleware(get_response):
        def run(request):
            cell.sync_body()
            return get_response(request)

        return run

    globals()["middleware_of_cell"] = middleware
    serve(cell, as_view(lambda: None), f"{__name__}.middleware_of_cell")


def on_stock_handler(cell):
    def body():
        cell.sync_body()
        connections.close_all()  # Its thread ends with the request, and leaves them to Python.

    serve(cell, as_view(body), handler=StockHandler)


async def branch(cell):
    await agather(cell.async_body(), asyncio.sleep(0))


def in_branch(cell):
    async def view(request):
        await branch(cell)
        return HttpResponse("done")

    serve(cell, view)


def in_async_callback(cell):
    async def view(request):
        async with aatomic():
            await aon_commit(cell.async_body)
        return HttpResponse("done")

    serve(cell, view)


def in_sync_callback(cell):
    async def view(request):
        async with aatomic():
            await aon_commit(cell.sync_body)
        return HttpResponse("done")

    serve(cell, view)


def in_sync_callback_of_sync_view(cell):
    def view(request):
        with transaction.atomic():
            transaction.on_commit(cell.sync_body)
        return HttpResponse("done")

    serve(cell, view)


def receivers(cell):
    """Return a signal for each kind of receiver that leaves the block."""
    sync, asynchronous = Signal(), Signal()

    def receiver(sender, **_):
        cell.sync_body()

    async def async_receiver(sender, **_):
        await cell.async_body()

    sync.connect(receiver, weak=False)
    asynchronous.connect(async_receiver, weak=False)
    return sync, asynchronous


def sync_receiver_of_send(cell):
    sync, _ = receivers(cell)
    serve(cell, as_view(lambda: sync.send(None)))


def sync_receiver_of_asend(cell):
    sync, _ = receivers(cell)

    async def view(request):
        await sync.asend(None)
        return HttpResponse("done")

    serve(cell, view)


def async_receiver_of_send(cell):
    _, asynchronous = receivers(cell)
    serve(cell, as_view(lambda: asynchronous.send(None)))


def async_receiver_of_asend(cell):
    _, asynchronous = receivers(cell)

    async def view(request):
        await asynchronous.asend(None)
        return HttpResponse("done")

    serve(cell, view)


def nested_in_request(cell):
    async def inner():
        await sync_to_async(cell.sync_body)()

    serve(cell, as_view(lambda: async_to_sync(inner)()))


# Scripts.


def script(cell):
    try:
        cell.sync_body()
    finally:
        connections.close_all()


def script_in_transaction(cell):
    try:
        with transaction.atomic():
            cell.sync_body()
    finally:
        connections.close_all()


def script_with_nested_frame(cell):
    async def inner():
        await sync_to_async(cell.sync_body)()
        await cell.finish()

    try:
        before = state()
        async_to_sync(inner)()
        assert state() == before
    finally:
        connections.close_all()


def sync_code_of_script(cell):
    async def main():
        async with no_lease():
            await sync_to_async(cell.sync_body)()
            await cell.finish()

    asyncio.run(main())


def async_script(cell):
    async def main():
        async with no_lease():
            await cell.async_body()
            await cell.finish()

    asyncio.run(main())


# Tests.


def run_test(case: type[unittest.TestCase]) -> None:
    try:
        result = unittest.TestResult()
        unittest.TestSuite([case("test")]).run(result)
    finally:
        connections.close_all()
    for _, problem in (*result.errors, *result.failures):
        raise AssertionError(problem)


def make_case(cell, base, test):
    class Case(base):
        available_apps = ["django.contrib.contenttypes"]

        def setUp(self):
            self.before = state()
            # Before the teardown of the class, which asks what is in the database.
            self.addCleanup(cell.note_rows)
            self.addCleanup(self.check_state)

        def check_state(self):
            assert state() == self.before, (state(), self.before)

    Case.test = test
    return Case


def in_test_case(cell):
    run_test(make_case(cell, TestCase, lambda self: cell.sync_body()))


def in_async_test_case(cell):
    async def test(self):
        await cell.async_body()

    run_test(make_case(cell, TestCase, test))


def in_transaction_test_case(cell):
    run_test(make_case(cell, TransactionTestCase, lambda self: cell.sync_body()))


def in_async_transaction_test_case(cell):
    async def test(self):
        await cell.async_body()

    run_test(make_case(cell, TransactionTestCase, test))


PLACES: Final = [
    Place("async-view", async_view, is_async=True, has_frame=False),
    Place(
        "async-view-atomic",
        atomic(async_view),
        is_async=True,
        has_frame=False,
        is_shared=True,
        is_in_block=True,
    ),
    Place("sync-view", sync_view),
    Place("sync-view-atomic", atomic(sync_view), is_shared=True),
    Place("sync-view-on-stock", on_stock_handler, is_shared=True),
    Place("sync-middleware", in_sync_middleware),
    Place("async-view-under-sync-middleware", under_sync_middleware, is_async=True),
    Place("script", script, is_shared=True, ends_loop=True),
    Place("script-in-transaction", script_in_transaction, is_shared=True, ends_loop=True),
    Place("sync-code-of-script", sync_code_of_script, is_shared=True),
    Place("async-script", async_script, is_async=True, has_frame=False),
    Place("test-case", in_test_case, is_shared=True, ends_loop=True),
    Place("async-test-case", in_async_test_case, is_async=True, is_shared=True, ends_loop=True),
    Place("transaction-test-case", in_transaction_test_case, is_shared=True, ends_loop=True),
    Place(
        "async-transaction-test-case",
        in_async_transaction_test_case,
        is_async=True,
        is_shared=True,
        ends_loop=True,
    ),
    Place("agather", in_branch, is_async=True, has_frame=False),
    Place("async-on-commit", in_async_callback, is_async=True, is_shared=True),
    Place("sync-on-commit", in_sync_callback, is_shared=True),
    Place("sync-on-commit-of-sync-view", in_sync_callback_of_sync_view),
    Place("sync-receiver-send", sync_receiver_of_send),
    Place("sync-receiver-asend", sync_receiver_of_asend),
    Place("async-receiver-send", async_receiver_of_send, is_async=True),
    Place("async-receiver-asend", async_receiver_of_asend, is_async=True, has_frame=False),
    Place("nested-frame", nested_in_request),
    Place("nested-frame-of-script", script_with_nested_frame, is_shared=True),
]
