"""A client that leaves, a server that cancels and faults at any await leave nothing behind."""

from __future__ import annotations

import asyncio
import threading

import django
import pytest
from asgiref.sync import sync_to_async
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler
from django.core.signals import request_finished, request_started
from django.http import HttpResponse, StreamingHttpResponse
from django.test import override_settings
from django.urls import path

from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.handler.disconnect import CancelOnDisconnect
from tests.driver import drive, scope_for
from tests.handler.site import name
from tests.handler.tools import calls, leftover_tasks, settle, watched_signals


class NotesClose:
    def close(self):
        calls.append("closed")
        super().close()


class Closing(NotesClose, HttpResponse):
    pass


class ClosingStream(NotesClose, StreamingHttpResponse):
    pass


async def awaits(request):
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return Closing("x")


async def hops(request):
    await sync_to_async(calls.append)("hop")
    return Closing("x")


def blocking(request):
    return Closing("x")


async def streams(request):
    async def parts():
        yield "a"
        await asyncio.sleep(0)
        yield "b"

    return ClosingStream(parts())


async def streams_sync(request):
    return ClosingStream(iter(["a", "b"]))


async def plain(request):
    await asyncio.sleep(0)
    return HttpResponse("x")


async def broken(request):
    await asyncio.sleep(0)
    raise ValueError


VIEWS = {
    view.__name__: view for view in (awaits, hops, blocking, streams, streams_sync, plain, broken)
}
urlpatterns = [path(f"{name}/", view) for name, view in VIEWS.items()]


@pytest.fixture(autouse=True)
def urls():
    middleware = [name("twin", "a"), name("inline", "b"), name("hop", "c")]
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=middleware):
        yield


class Client:
    """A client and its server: counts turns of the loop and misbehaves at the one it was told."""

    def __init__(self, view, *, fault, at):
        self.scope, self.fault, self.at = scope_for(f"/{view}/", "POST"), fault, at
        self.turn = 0
        self.gone = asyncio.Event()
        self.received = False
        self.sent = []

    async def receive(self):
        if not self.received:
            self.received = True
            await asyncio.sleep(0)
            return {"type": "http.request", "body": b"x"}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        await asyncio.sleep(0)
        if self.fault == "send" and len(self.sent) == self.at:
            raise OSError("gone")
        self.sent.append(message)
        await asyncio.sleep(0)

    async def run(self, handler):
        """Run the request, with the fault after the given number of turns; return what it raised."""
        task = asyncio.create_task(handler(self.scope, self.receive, self.send))
        while not task.done():
            if self.turn == self.at and self.fault == "disconnect":
                self.gone.set()
            if self.turn == self.at and self.fault == "cancel":
                task.cancel()
            self.turn += 1
            # A turn is also the time that a thread needs.
            await asyncio.sleep(0.0005 if self.turn % 2 else 0)
        (outcome,) = await asyncio.gather(task, return_exceptions=True)
        return outcome


async def check_after(sent, threads):
    """What must hold after any request."""
    kinds = [kind for kind, _, _ in sent]
    # A cancellation may come before an async receiver of request_started has begun.
    assert kinds in ([], ["started"], ["finished"], ["started", "finished"])
    if "a.request" in calls:
        assert kinds == ["started", "finished"]
    assert await leftover_tasks() == []
    left = [thread for thread in threading.enumerate() if thread not in threads]
    assert not any("asgi" in thread.name.lower() for thread in left)


@pytest.mark.parametrize("fault", ["disconnect", "cancel", "send"])
@pytest.mark.parametrize("view", VIEWS)
async def test_a_fault_at_every_await(view, fault):
    handler, threads = ASGIHandler(), threading.enumerate()
    for at in range(30 if fault != "send" else 5):
        calls.clear()
        with watched_signals() as sent:
            client = Client(view, fault=fault, at=at)
            outcome = await client.run(handler)
        expected = {
            "cancel": asyncio.CancelledError,
            "send": OSError,
            "disconnect": type(None),
        }[fault]
        assert isinstance(outcome, (expected, type(None))), outcome
        await check_after(sent, threads)
        if client.sent and view not in {"plain", "broken"}:
            assert calls.count("closed") == 1
        if client.turn < at:
            break
    calls.clear()
    assert (await drive(handler, "/plain/")).body == b"x"


@pytest.mark.parametrize("signal", [request_started, request_finished], ids=["started", "finished"])
@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_a_receiver_that_raises_leaves_nothing_behind(signal, kind):
    def sync_receiver(**kwargs):
        raise ValueError("receiver")

    async def async_receiver(**kwargs):
        raise ValueError("receiver")

    receiver = sync_receiver if kind == "sync" else async_receiver
    handler = ASGIHandler()
    signal.connect(receiver)
    try:
        with pytest.raises((ValueError, ExceptionGroup)):
            await drive(handler, "/plain/")
    finally:
        signal.disconnect(receiver)
    assert await leftover_tasks() == []
    assert (await drive(handler, "/plain/")).body == b"x"


async def test_a_cancellation_while_request_started_is_sent():
    started, finished = [], []

    async def slow_receiver(**kwargs):
        started.append(1)
        await asyncio.sleep(5)

    async def receiver(**kwargs):
        finished.append(1)

    request_started.connect(slow_receiver)
    request_finished.connect(receiver)
    try:
        task = asyncio.create_task(
            ASGIHandler()(scope_for("/plain/"), Client("plain", fault="", at=0).receive, None)
        )
        await settle()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    finally:
        request_started.disconnect(slow_receiver)
        request_finished.disconnect(receiver)
    assert started == finished == [1]


@pytest.fixture
def waiting_client():
    """A client that leaves while an async view waits."""

    async def view(request):
        try:
            await asyncio.sleep(5)
        finally:
            calls.append("cancelled")

    calls.clear()
    urls = type("Urls", (), {"urlpatterns": [path("plain/", view)]})
    with override_settings(ROOT_URLCONF=urls, MIDDLEWARE=[]):
        yield Client("plain", fault="disconnect", at=8)
    assert calls == ["cancelled"]


@pytest.mark.parametrize("handler_class", [DjangoASGIHandler, ASGIHandler], ids=["stock", "ours"])
async def test_a_disconnect_while_the_view_waits(handler_class, waiting_client):
    with watched_signals() as sent:
        assert await waiting_client.run(handler_class()) is None
    assert waiting_client.sent == []
    assert [signal[0] for signal in sent] == ["started", "finished"]


@pytest.mark.parametrize("handler_class", [DjangoASGIHandler, ASGIHandler], ids=["stock", "ours"])
async def test_sync_receivers_hear_of_a_request_without_a_response(handler_class, waiting_client):
    in_main_thread = []

    def receiver(**kwargs):
        in_main_thread.append(threading.current_thread() is threading.main_thread())

    request_finished.connect(receiver)
    try:
        await waiting_client.run(handler_class())
    finally:
        request_finished.disconnect(receiver)
    assert in_main_thread == [False]


@pytest.mark.parametrize("handler_class", [DjangoASGIHandler, ASGIHandler], ids=["stock", "ours"])
async def test_a_sync_view_may_read_the_body_after_a_disconnect(handler_class):
    """Its thread cannot be stopped, so what it reads is closed when it has ended."""
    gone = Client("plain", fault="", at=0)
    may_read, seen = threading.Event(), []

    def view(request):
        loop.call_soon_threadsafe(gone.gone.set)
        may_read.wait(5)
        try:
            seen.append(request.body)
        except ValueError as error:
            seen.append(error)

    loop = asyncio.get_running_loop()
    with override_settings(
        ROOT_URLCONF=type("Urls", (), {"urlpatterns": [path("plain/", view)]}), MIDDLEWARE=[]
    ):
        task = asyncio.create_task(handler_class()(gone.scope, gone.receive, gone.send))
        await gone.gone.wait()
        loop.call_later(0.05, may_read.set)
        await task
    assert seen == [b"x"]
    assert gone.sent == []


@pytest.mark.parametrize("handler_class", [DjangoASGIHandler, ASGIHandler], ids=["stock", "ours"])
async def test_a_view_may_catch_the_cancellation(handler_class):
    async def view(request):
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            return HttpResponse("caught")

    gone = Client("plain", fault="disconnect", at=8)
    with override_settings(
        ROOT_URLCONF=type("Urls", (), {"urlpatterns": [path("plain/", view)]}),
        MIDDLEWARE=[],
    ):
        assert await gone.run(handler_class()) is None
    assert [message.get("body") for message in gone.sent] == [None, b"caught"]


@pytest.mark.parametrize("handler_class", [DjangoASGIHandler, ASGIHandler], ids=["stock", "ours"])
async def test_a_message_after_the_request_is_an_error(handler_class):
    async def receive():
        return {"type": "http.request"}

    with pytest.raises(
        AssertionError, match=r"Invalid ASGI message after request body: http\.request"
    ):
        await handler_class()(scope_for("/awaits/"), receive, lambda message: asyncio.sleep(0.01))
    if handler_class is ASGIHandler or django.VERSION >= (6, 1):
        assert await leftover_tasks() == []


async def block(listen, body, task=None):
    async with CancelOnDisconnect(listen, None):
        await body()
        return "ended"
    return "left"


def listener(error=None, turns=1):
    async def listen(receive):
        for _ in range(turns):
            await asyncio.sleep(0)
        if error is not None:
            raise error

    return listen


async def test_a_block_that_never_waits_starts_no_listener():
    async def listen(receive):
        raise AssertionError("never started")

    async def body():
        pass

    assert await block(listen, body) == "ended"
    assert await leftover_tasks() == []


@pytest.mark.parametrize("turns", [1, 2, 100])
async def test_a_block_that_waits_a_little(turns):
    assert await block(listener(turns=turns), lambda: asyncio.sleep(0.01)) == "ended"
    assert await leftover_tasks() == []


async def test_a_block_is_left_without_an_error():
    assert await block(listener(RequestAborted()), lambda: asyncio.sleep(5)) == "left"
    assert asyncio.current_task().cancelling() == 0


async def test_other_errors_of_the_listener_are_raised():
    with pytest.raises(OSError, match="receive"):
        await block(listener(OSError("receive")), lambda: asyncio.sleep(5))
    assert asyncio.current_task().cancelling() == 0


async def test_a_listener_that_ends_just_before_the_block_does_not_cancel_what_follows():
    """Servers report a disconnect as soon as the response is complete."""
    complete = asyncio.Event()

    async def listen(receive):
        await complete.wait()
        raise RequestAborted

    async def body():
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        complete.set()
        await asyncio.sleep(0)

    async def run():
        assert await block(listen, body) == "ended"
        await asyncio.sleep(0)
        return asyncio.current_task().cancelling()

    assert await asyncio.create_task(run()) == 0


async def test_an_error_of_the_block_wins():
    async def body():
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            raise ValueError("block") from None

    with pytest.raises(ValueError, match="block"):
        await block(listener(RequestAborted()), body)
    assert asyncio.current_task().cancelling() == 0


async def test_a_cancellation_by_others_wins():
    task = asyncio.current_task()

    async def body():
        try:
            await asyncio.sleep(5)
        finally:
            task.cancel()
            await asyncio.sleep(0)

    inner = asyncio.ensure_future(asyncio.sleep(0))
    await inner

    async def run():
        nonlocal task
        task = asyncio.current_task()
        return await block(listener(RequestAborted()), body)

    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(run())


async def test_an_error_that_comes_too_late_is_not_reported():
    reported = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: reported.append(context))

    async def listen(receive):
        try:
            await asyncio.sleep(5)
        finally:
            raise RequestAborted

    assert await block(listen, lambda: asyncio.sleep(0.005)) == "ended"
    await settle()
    assert reported == []


def test_a_request_must_be_in_a_task():
    coroutine = CancelOnDisconnect(listener(), None).__aenter__()
    with pytest.raises(RuntimeError):
        coroutine.send(None)


async def test_a_request_outside_of_any_task():
    loop, outcome = asyncio.get_running_loop(), []

    def callback():
        try:
            CancelOnDisconnect(listener(), None).__aenter__().send(None)
        except RuntimeError as error:
            outcome.append(str(error))

    loop.call_soon(callback)
    await settle()
    assert outcome == ["Requests must be handled in an asyncio task."]
