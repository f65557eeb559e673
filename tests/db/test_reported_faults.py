"""What lost writes, or hung, when it was reported; each as a whole request, script or test."""

from __future__ import annotations

import asyncio
import unittest

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import connections, transaction
from django.http import HttpResponse
from django.test import TestCase, override_settings
from django.urls import path

from django_asynckit.db import aatomic, agather, aon_commit, database_sync_to_async
from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.test import AsyncClient
from django_asynckit.workers import worker_lease
from tests.db.tools import Row, add, add_sync, names, no_lease
from tests.driver import drive, plain_root_logger
from tests.workers.tools import until_idle

pytestmark = pytest.mark.usefixtures("kept")


async def count():
    return await Row.objects.acount()


async def serve(view, *middleware):
    """Return the status of a request to ``view``, which is at ``/v/`` too."""
    urls = type("Urls", (), {"urlpatterns": [path("", view), path("v/", block_view)]})
    with plain_root_logger(), override_settings(ROOT_URLCONF=urls, MIDDLEWARE=middleware):
        async with asyncio.timeout(10):
            status = (await drive(ASGIHandler(), "/")).status
        await until_idle()
    return status


async def block_view(request):
    async with aatomic():
        await count()
    return HttpResponse("done")


# An async generator that is left by break, and a task that is left.


async def items():
    async with aatomic():
        yield await count()
        yield 2


async def first():
    async for item in items():
        return item
    return None


async def leave_task():
    async def audit():
        async with aatomic():
            await count()
            await asyncio.sleep(0.1)

    left.append(asyncio.create_task(audit()))
    await asyncio.sleep(0.03)


left = []
LEAVERS = pytest.mark.parametrize("leave", [first, leave_task], ids=["generator", "task"])


@LEAVERS
async def test_a_sync_view_that_leaves_a_block_is_saved(leave):
    def view(request):
        async_to_sync(leave)()
        add_sync("saved")
        return HttpResponse("saved")

    assert await serve(view) == 200
    assert await names() == {"saved"}


@LEAVERS
async def test_an_async_view_that_leaves_one_in_a_thread_is_saved(leave):
    async def view(request):
        await sync_to_async(async_to_sync(leave))()
        await asyncio.sleep(0.05)
        await add("saved")
        return HttpResponse("saved")

    assert await serve(view) == 200
    assert await names() == {"saved"}


# A task in a nested block, and one whose sync code comes back to a block.


class Nested:
    """In one transaction a task has a block open, and another one comes to one through a thread."""

    def __init__(self, run_sync=sync_to_async, **options):
        self.run_sync, self.options = run_sync, options

    async def a(self):
        async with aatomic():
            await asyncio.sleep(0.1)
            await count()

    async def helper(self):
        async with aatomic(**self.options):
            await count()

    async def b(self):
        await asyncio.sleep(0.05)
        await self.run_sync(async_to_sync(self.helper))()

    async def gather(self):
        await asyncio.gather(self.a(), self.b())

    async def group(self):
        async with asyncio.TaskGroup() as group:
            group.create_task(self.a())
            group.create_task(self.b())

    async def agather(self):
        await agather(self.a(), self.b())


def error_of(error):
    """Return the one error behind groups."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


async def error_in_block(work):
    async with worker_lease(), asyncio.timeout(10):
        try:
            async with aatomic():
                await work()
        except Exception as error:
            return error_of(error)


def in_transaction(func):
    return database_sync_to_async(func, atomic=True)


@pytest.mark.parametrize("run_sync", [sync_to_async, database_sync_to_async, in_transaction])
@pytest.mark.parametrize("together", ["gather", "group", "agather"])
async def test_a_wait_that_cannot_end_names_both_blocks(together, run_sync):
    nested = Nested(run_sync)
    error = await error_in_block(getattr(nested, together))
    assert isinstance(error, RuntimeError)
    waiter, holder = (line_of(function) for function in (nested.helper, nested.a))
    assert str(error).startswith(
        f"aatomic(using='default') at {waiter} in Nested.helper would wait"
    )
    assert f"aatomic(using='default') at {holder} in Nested.a is open" in str(error)
    await until_idle()


def line_of(function):
    code = function.__func__.__code__
    return f"{code.co_filename}:{code.co_firstlineno + 1}"


async def test_without_the_outer_block_there_is_no_such_wait():
    async def view(request):
        await Nested().gather()
        return HttpResponse("done")

    assert await serve(view) == 200


# Code that begins anew, a lease or a request, between two blocks of a thread that waits.


async def lease_in_block(**options):
    async with aatomic(), worker_lease(), aatomic(**options):
        await count()


async def request_in_block():
    async with aatomic():
        assert (await AsyncClient().get("/v/")).status_code == 200


BETWEEN = pytest.mark.parametrize(
    "work", [lease_in_block, request_in_block], ids=["lease", "request"]
)


@pytest.fixture
def site():
    with override_settings(
        ROOT_URLCONF=type("Urls", (), {"urlpatterns": [path("v/", block_view)]}), MIDDLEWARE=[]
    ):
        yield


async def timed(work):
    async with asyncio.timeout(5):
        await work()


def in_thread(function):
    """Run sync code as a script does, with connections of its own."""

    def run():
        try:
            function()
        finally:
            connections.close_all()

    return asyncio.to_thread(run)


@BETWEEN
async def test_between_two_blocks_of_a_script(site, work):
    await in_thread(lambda: async_to_sync(timed)(work))


@BETWEEN
async def test_between_two_blocks_of_a_script_in_a_transaction(site, work):
    def script():
        with transaction.atomic():
            async_to_sync(timed)(work)

    await in_thread(script)


@BETWEEN
async def test_between_two_blocks_on_a_loop(site, work):
    async with no_lease():
        await timed(work)


@BETWEEN
async def test_between_two_blocks_of_a_test_case(site, work):
    class Case(TestCase):
        async def test(self):
            await timed(work)

    result = unittest.TestResult()
    await in_thread(lambda: unittest.TestSuite([Case("test")]).run(result))
    assert (result.testsRun, result.errors, result.failures) == (1, [], [])


# What a callback of a commit may do.


async def lease_with_block():
    async with worker_lease(), aatomic():
        await count()


async def lease_then_query():
    async with worker_lease():
        await count()
    await count()


async def lease_with_block_then_query():
    await lease_with_block()
    await count()


async def branches():
    await agather(count(), count())
    await count()


async def own_connection():
    await database_sync_to_async(Row.objects.count, own_connection=True)()
    await count()


async def block():
    async with aatomic():
        await asyncio.gather(count(), count())
    await count()


async def tasks():
    async def task():
        async with aatomic():
            await count()

    await asyncio.gather(task(), task(), count())


async def generator():
    async for _ in items():
        await count()
    await count()


async def thread_with_block():
    await sync_to_async(async_to_sync(block))()
    await count()


async def callback_of_callback():
    async with aatomic():
        await aon_commit(block)
    await count()


async def client():
    await AsyncClient().get("/v/")
    await count()


CALLBACKS = [
    lease_with_block, lease_then_query, lease_with_block_then_query, branches, own_connection, block,
    tasks, generator, thread_with_block, callback_of_callback, client,
]  # fmt: skip


def sync_only(get_response):
    return lambda request: get_response(request)


def sync_only_with_query(get_response):
    def middleware(request):
        Row.objects.count()
        return get_response(request)

    return middleware


def async_view_with(callback):
    async def view(request):
        async with aatomic():
            await aon_commit(callback)
        await add("saved")
        return HttpResponse("done")

    return view


def sync_view_with(callback):
    def view(request):
        with transaction.atomic():
            transaction.on_commit(async_to_sync(callback))
        add_sync("saved")
        return HttpResponse("done")

    return view


@pytest.mark.parametrize("is_atomic", [False, True], ids=["", "ATOMIC_REQUESTS"])
@pytest.mark.parametrize("middleware", ["", "sync_only", "sync_only_with_query"])
@pytest.mark.parametrize("make_view", [async_view_with, sync_view_with], ids=["async", "sync"])
@pytest.mark.parametrize("callback", CALLBACKS)
async def test_a_callback_of_a_commit_answers(
    kept, monkeypatch, callback, make_view, middleware, is_atomic
):
    monkeypatch.setitem(kept, "ATOMIC_REQUESTS", is_atomic)
    assert (
        await serve(make_view(callback), *([f"{__name__}.{middleware}"] if middleware else []))
        == 200
    )
    assert await names() == {"saved"}
