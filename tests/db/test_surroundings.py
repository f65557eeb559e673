"""Where a thread that is not ours has the connection: stock ASGI, WSGI, TestCase, Channels."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from asgiref.sync import SyncToAsync, ThreadSensitiveContext, async_to_sync, sync_to_async
from channels.consumer import AsyncConsumer
from channels.testing import ApplicationCommunicator
from django.core.handlers.asgi import ASGIHandler as StockHandler
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection, connections
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.test import RequestFactory, TestCase, TransactionTestCase, override_settings
from django.urls import path

from django_asynckit.db import aatomic, agather, aon_commit, database_sync_to_async
from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.workers import worker_lease
from tests.db.cancelling import Left
from tests.db.tools import Row, add, names, no_lease, place, runner
from tests.driver import drive, plain_root_logger
from tests.workers.tools import thread, until, until_idle


async def siblings(request):
    """Write in a block that is rolled back, and in a task beside it."""

    async def sibling():
        await opened.wait()
        await add("b")
        return await place()

    opened = asyncio.Event()
    task = asyncio.create_task(sibling())
    try:
        async with aatomic():
            inside = await place()
            opened.set()
            beside = await task
            await add("a")
            raise ValueError("wrong")
    except ValueError:
        return JsonResponse({"inside": inside, "beside": beside, "after": await place()})


async def writes(request):
    async with aatomic():
        await add("a")
        async with aatomic():
            await add("b")
    return HttpResponse()


def sync_only(get_response):
    def middleware(request):
        connection.tenant = "t1"
        return get_response(request)

    return middleware


async def asks_tenant(request):
    def tenant():
        return thread(), getattr(connection, "tenant", None), connection.in_atomic_block

    async with aatomic():
        return JsonResponse({"found": await sync_to_async(tenant)()})


urlpatterns = [
    path("siblings/", siblings),
    path("writes/", writes),
    path("tenant/", asks_tenant),
]


@pytest.fixture
def site():
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[]):
        yield


@pytest.mark.parametrize("handler", [StockHandler, ASGIHandler], ids=["stock", "ours"])
async def test_under_each_handler_siblings_are_kept_apart(database, site, handler):
    with plain_root_logger():
        reply = await drive(handler(), "/siblings/")
    found = json.loads(reply.body)
    assert found["inside"][1] is True
    assert found["beside"][1] is False
    assert found["after"] == [found["inside"][0], False]
    assert found["beside"][0] != found["inside"][0]
    assert await names() == {"b"}
    await until_idle()


class StreamBesideBlock:
    """Streams rows from a sync iterator; a task of the request opens a block after the first."""

    def __init__(self):
        self.begun, self.opened, self.closed = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.threads = []
        self._loop = asyncio.get_running_loop()

    async def view(self, request):
        request.task = asyncio.create_task(self._block())
        return StreamingHttpResponse(self._rows())

    async def _block(self):
        await self.begun.wait()
        async with aatomic():
            self.opened.set()
            await self.closed.wait()

    def _rows(self):
        try:
            for row in Row.objects.order_by("pk").iterator(chunk_size=1):
                self.threads.append(thread())
                yield row.model
        finally:
            self.threads.append(thread())
            self._loop.call_soon_threadsafe(self.closed.set)

    async def drive(self, goes_away):
        async def application(scope, receive, send):
            async def send_and_wait(message):
                await send(message)
                if message.get("body"):
                    self.begun.set()
                    await self.opened.wait()
                    if goes_away:
                        raise OSError("gone")

            await ASGIHandler()(scope, receive, send_and_wait)

        urls = type("Urls", (), {"urlpatterns": [path("", self.view)]})
        with override_settings(ROOT_URLCONF=urls, MIDDLEWARE=[]):
            return await drive(application)


async def test_a_streamed_iterator_keeps_its_thread_beside_a_block(database):
    async with worker_lease():
        await add("a", "b", "c")
    stream = StreamBesideBlock()
    assert (await stream.drive(goes_away=False)).body == b"abc"
    assert len(stream.threads) == 4
    assert len(set(stream.threads)) == 1
    await until_idle()


async def test_a_streamed_iterator_is_closed_in_its_thread_beside_a_block(database):
    async with worker_lease():
        await add("a", "b", "c")
    stream = StreamBesideBlock()
    with pytest.raises(OSError, match="gone"):
        await stream.drive(goes_away=True)
    assert len(stream.threads) == 2
    assert len(set(stream.threads)) == 1
    await until_idle()


@pytest.mark.parametrize("handler", [StockHandler, ASGIHandler], ids=["stock", "ours"])
async def test_what_a_sync_middleware_has_set_holds_inside(database, site, handler):
    with plain_root_logger(), override_settings(MIDDLEWARE=[f"{__name__}.sync_only"]):
        reply = await drive(handler(), "/tenant/")
    _, tenant, is_in = json.loads(reply.body)["found"]
    assert (tenant, is_in) == ("t1", True)
    await until_idle()


def test_under_wsgi_a_block_commits(database, site):
    def start_response(status, headers, exc_info=None):
        assert status == "200 OK"

    environ = RequestFactory().get("/writes/").environ
    response = WSGIHandler()(environ, start_response)
    response.close()
    assert async_to_sync(names)() == {"a", "b"}
    connection.close()


@pytest.fixture
def executor():
    with ThreadPoolExecutor(1) as executor:
        yield executor


async def test_in_a_context_that_has_ended_asgiref_refuses(kept, executor):
    async def late():
        await ended.wait()
        with pytest.raises(RuntimeError, match="has exited"):
            async with aatomic():
                raise AssertionError("it must not be entered")

    ended = asyncio.Event()
    async with ThreadSensitiveContext(executor=executor):
        task = asyncio.create_task(late())
        await place()
    ended.set()
    await task


async def test_in_a_consumer_of_channels(database):
    class Consumer(AsyncConsumer):
        async def test_write(self, message):
            async with aatomic():
                await add("a")
                await aon_commit(self.answer)

        async def answer(self):
            await self.send({"type": "test.done"})

    communicator = ApplicationCommunicator(Consumer.as_asgi(), {"type": "test"})
    await communicator.send_input({"type": "test.write"})
    assert await communicator.receive_output(5) == {"type": "test.done"}
    await communicator.wait()
    assert await names() == {"a"}
    await close_all()


class InTestCase(TestCase):
    async def test_all_runs_on_the_connection_of_the_test(self):
        inside = await place()
        assert inside == ("MainThread", True)
        async with aatomic():
            assert await agather(place(), place()) == (inside, inside)
            assert await database_sync_to_async(place.func, own_connection=True)() == inside

    async def test_blocks_are_savepoints(self):
        await add("a")
        with pytest.raises(ValueError, match="wrong"):
            async with aatomic(durable=True):
                await add("b")
                raise ValueError("wrong")
        async with aatomic():
            with pytest.raises(RuntimeError, match="durable atomic block cannot be nested"):
                async with aatomic(durable=True):
                    raise AssertionError("it must not be entered")
        assert await Row.objects.filter(app_label="app").acount() == 1

    async def test_sibling_blocks_wait_for_each_other(self):
        async def block(name):
            async with aatomic():
                running.append(name)
                await add(name)
                await asyncio.sleep(0)
                assert running == [name]
                running.remove(name)

        running = []
        await asyncio.gather(*map(block, "abc"))
        assert await Row.objects.filter(app_label="app").acount() == 3

    def test_callbacks_are_captured(self):
        async def work():
            async with aatomic():
                await aon_commit(callback)
                await aon_commit(lambda: called.append("sync"))

        async def callback():
            called.append("async")

        called = []
        with self.captureOnCommitCallbacks(execute=True) as callbacks:
            async_to_sync(work)()
            assert called == []
        assert called == ["async", "sync"]
        assert len(callbacks) == 2

    async def test_in_a_sync_frame_of_a_sibling_nobody_waits_forever(self):
        """Its thread is needed by whoever would have to end first."""

        def sync():
            async_to_sync(inner)()

        async def inner():
            async with aatomic():
                await add("b")

        async with aatomic():
            await asyncio.create_task(_in_no_block(sync_to_async(sync)()))


async def _in_no_block(coroutine):
    from django_asynckit.workers.routes import current_route

    current_route.set(None)
    return await coroutine


class InTransactionTestCase(TransactionTestCase):
    available_apps = ["django.contrib.contenttypes"]

    async def test_it_commits(self):
        called = []
        async with aatomic(durable=True):
            await add("a")
            await aon_commit(lambda: called.append(thread()))
        assert called == ["MainThread"]
        assert not (await place())[1]


async def write_and_wait(entered, raw):
    async with aatomic():
        await add("a")
        raw.append(await sync_to_async(lambda: connection.connection)())
        entered.set()
        await asyncio.Event().wait()


@pytest.mark.parametrize("lease", [True, False], ids=["worker", "script"])
def test_a_coroutine_that_is_closed_after_its_loop_rolls_back(kept, lease):
    raw = []

    async def start():
        entered = asyncio.Event()
        async with worker_lease() if lease else no_lease(closes=False):
            coroutine = write_and_wait(entered, raw)
            task = asyncio.ensure_future(Left(coroutine))
            await entered.wait()
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
        return coroutine

    loop = asyncio.new_event_loop()
    coroutine = loop.run_until_complete(start())
    loop.close()
    coroutine.close()
    assert asyncio.run(names()) == set()
    asyncio.run(close_all())


@sync_to_async
def close_all():
    connections.close_all()


@pytest.mark.parametrize("is_kept", [False, True], ids=["dropped", "kept"])
async def test_a_coroutine_that_is_closed_after_its_thread_leaves_nothing(kept, is_kept):
    entered, raw = asyncio.Event(), []
    executor = ThreadPoolExecutor(1) if is_kept else None
    async with ThreadSensitiveContext(executor=executor):
        coroutine = write_and_wait(entered, raw)
        task = asyncio.ensure_future(Left(coroutine))
        await entered.wait()
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
    if executor is not None:
        await sync_to_async(executor.shutdown, thread_sensitive=False)()
    coroutine.close()
    gc.collect()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert await names() == set()
    await sync_to_async(raw[0].close)()  # Its thread, which ended, left it to Python.


async def test_who_gives_the_executor_work_without_a_loop_gets_it_done(kept):
    async with no_lease():
        async with aatomic():
            name, _ = await place()
            submit = SyncToAsync.single_thread_executor.submit
            assert "submit" in vars(SyncToAsync.single_thread_executor)
            future = await sync_to_async(submit, thread_sensitive=False)(thread)
            assert await asyncio.wrap_future(future) == name


def test_a_block_whose_loop_is_closed_before_it_could_roll_back_holds_up_nobody(database):
    context = contextvars.copy_context()
    loop = asyncio.new_event_loop()
    block, run = aatomic(), runner(loop, context)

    run(block.__aenter__())
    run(add("a"))
    with pytest.raises(StopIteration):  # It is closed, as by the garbage collector.
        context.run(block.__aexit__(GeneratorExit, GeneratorExit(), None).send, None)
    loop.close()

    async def afterwards():
        async with aatomic():
            await add("b")
        assert await names() == {"b"}
        await until_idle()
        await until(lambda: not seat_of_scripts().holds)
        await close_all()

    asyncio.run(afterwards())


def seat_of_scripts():
    return vars(SyncToAsync.single_thread_executor)["_asynckit_seat"]
