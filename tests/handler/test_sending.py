"""Responses are sent as by Django; sync iterators are pulled chunk by chunk in one context."""

from __future__ import annotations

import asyncio
import contextvars
import io
import threading

import pytest
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.test import override_settings
from django.urls import path
from django.utils import translation

from django_asynckit.handler.asgi import ASGIHandler
from tests.driver import drive, scope_for
from tests.handler.tools import assert_same, counted_crossings, settle

STATE: contextvars.ContextVar[str] = contextvars.ContextVar("state", default="outside")
events: list[object] = []


def site(view):
    return override_settings(
        ROOT_URLCONF=type("Urls", (), {"urlpatterns": [path("", view)]}), MIDDLEWARE=[]
    )


async def agen(*parts):
    try:
        for part in parts:
            events.append(("pull", part))
            yield part
            await asyncio.sleep(0)
    finally:
        events.append("closed")


def gen(*parts):
    token = STATE.set("inside")
    try:
        with translation.override("de"):
            for part in parts:
                events.append(("pull", part, threading.get_ident()))
                yield part
                assert (STATE.get(), translation.get_language()) == ("inside", "de")
    finally:
        STATE.reset(token)
        events.append(("closed", threading.get_ident()))


def failing(*parts):
    yield from gen(*parts)
    raise ValueError("middle")


async def afailing(*parts):
    for part in parts:
        yield part
    raise ValueError("middle")


class OwnIteration(StreamingHttpResponse):
    async def __aiter__(self):
        yield b"own"


class NotADjangoResponse(HttpResponse):
    streaming = True

    async def __aiter__(self):
        yield b"not Django's"


class OwnItems(HttpResponse):
    def items(self):
        return [("X-Own", "1"), (b"X-Bytes", b"2")]


async def headers(request):
    response = HttpResponse("x", headers={"X-Latin": "\xe9", "x-lower": 1})
    response["X-Later"] = "2"
    response.set_cookie("a", "1", path="/x")
    return response


VIEWS = {
    "async": lambda request: StreamingHttpResponse(agen("a", b"b", "", "\xe9")),
    "sync": lambda request: StreamingHttpResponse(gen("a", b"b", "", "\xe9")),
    "list": lambda request: StreamingHttpResponse(["a", 1]),
    "empty": lambda request: StreamingHttpResponse([]),
    "large": lambda request: StreamingHttpResponse([b"x" * 200_000, b"y"]),
    "failing": lambda request: StreamingHttpResponse(failing("a")),
    "async failing": lambda request: StreamingHttpResponse(afailing("a")),
    "file": lambda request: FileResponse(io.BytesIO(b"z" * 200_000), content_type="x/y"),
    "own": lambda request: OwnIteration(),
    "not": lambda request: NotADjangoResponse(),
    "items": lambda request: OwnItems("x"),
    "content": lambda request: HttpResponse(b"x" * 200_000),
    "nothing": lambda request: HttpResponse(),
    "204": lambda request: HttpResponse(status=204),
}


@pytest.fixture(autouse=True)
async def german():
    await asyncio.to_thread(translation.activate, "de")
    events.clear()


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
@pytest.mark.parametrize("name", VIEWS)
async def test_responses_are_sent_as_by_django(name):
    def view(request):
        return VIEWS[name](request)

    with site(view):
        if name == "failing":  # Django has it all in memory before it sends any of it.
            with pytest.raises(ValueError, match="middle"):
                await drive(ASGIHandler())
        else:
            await assert_same(scope_for())


async def test_headers_are_sent_as_by_django():
    with site(headers):
        await assert_same(scope_for())


async def test_a_sync_iterator_is_not_ahead_of_the_client():
    async def view(request):
        return StreamingHttpResponse(gen("a", "b", "c"))

    ahead, sent = [], 0

    async def send(message):
        nonlocal sent
        await settle()
        if message.get("body"):
            sent += 1
            ahead.append(sum(event[0] == "pull" for event in events) - sent)

    with site(view):
        handler = ASGIHandler()
        await asyncio.create_task(handler(scope_for(), receive_once(), send))
    assert ahead == [0, 0, 0]
    assert len({event[-1] for event in events}) == 1, "one thread pulls and closes"
    assert events[-1][0] == "closed"
    assert STATE.get() == "outside"


def receive_once(*more):
    """The request, then ``more`` messages, then nothing."""
    waiting = [{"type": "http.request"}, *more]

    async def receive():
        if waiting:
            message = waiting.pop(0)
            if isinstance(message, asyncio.Event):
                await message.wait()
                return {"type": "http.disconnect"}
            return message
        return await asyncio.Event().wait()

    return receive


@pytest.mark.parametrize("fault", ["send", "disconnect", "cancel"])
async def test_a_sync_iterator_is_closed_in_its_thread_and_context(fault):
    async def view(request):
        return StreamingHttpResponse(gen("a", "b", "c"))

    gone = asyncio.Event()

    async def send(message):
        if message.get("body") == b"b":
            if fault == "send":
                raise OSError("gone")
            if fault == "disconnect":
                gone.set()
            else:
                task.cancel()
            await asyncio.sleep(5)

    with site(view):
        task = asyncio.create_task(ASGIHandler()(scope_for(), receive_once(gone), send))
        (outcome,) = await asyncio.gather(task, return_exceptions=True)
    assert (
        type(outcome)
        is {
            "send": OSError,
            "disconnect": type(None),
            "cancel": asyncio.CancelledError,
        }[fault]
    )
    assert [event[0] for event in events] == ["pull", "pull", "closed"]
    assert len({event[-1] for event in events}) == 1


@pytest.mark.parametrize("fault", ["disconnect", "cancel"])
async def test_an_async_iterator_that_waits_is_cancelled(fault):
    async def waiting():
        try:
            yield "a"
            await asyncio.sleep(5)
        finally:
            events.append("closed")

    async def view(request):
        return StreamingHttpResponse(waiting())

    gone = asyncio.Event()

    async def send(message):
        if message.get("body") == b"a":
            (gone.set if fault == "disconnect" else task.cancel)()

    with site(view):
        task = asyncio.create_task(ASGIHandler()(scope_for(), receive_once(gone), send))
        (outcome,) = await asyncio.gather(task, return_exceptions=True)
    assert (outcome is None) is (fault == "disconnect")
    assert events == ["closed"]


async def test_a_sync_iterator_that_is_being_pulled_when_the_client_goes():
    started, release = threading.Event(), threading.Event()
    gone = asyncio.Event()

    def slow():
        try:
            yield "a"
            started.set()
            release.wait(5)
            yield "b"
        finally:
            events.append("closed")

    async def view(request):
        return StreamingHttpResponse(slow())

    async def send(message):
        pass

    with site(view):
        task = asyncio.create_task(ASGIHandler()(scope_for(), receive_once(gone), send))
        await asyncio.to_thread(started.wait, 5)
        gone.set()
        await settle()
        assert events == []
        release.set()
        await task
    assert events == ["closed"]


async def test_streams_of_async_iterators_make_no_hop():
    async def view(request):
        return StreamingHttpResponse(agen("a", "b"))

    with site(view), counted_crossings() as count:
        await drive(ASGIHandler())
    assert not count


async def test_an_overridden_send_response_is_used():
    class Own(ASGIHandler):
        async def send_response(self, response, send):
            events.append(response.status_code)
            await super().send_response(response, send)

    async def view(request):
        return StreamingHttpResponse(gen("a"))

    with site(view):
        reply = await drive(Own())
    assert reply.body == b"a"
    assert events[0] == 200


class OwnContent(StreamingHttpResponse):
    @property
    def streaming_content(self):
        return iter([b"own"])

    @streaming_content.setter
    def streaming_content(self, value):
        self._iterator = iter(value)
        self.is_async = False


@pytest.mark.parametrize(
    ("response", "hops"),
    [
        (lambda: StreamingHttpResponse(()), 0),
        (lambda: StreamingHttpResponse([]), 0),
        (lambda: StreamingHttpResponse([b"a"]), 3),
        (lambda: StreamingHttpResponse(gen()), 2),
        (lambda: OwnContent([]), 3),
    ],
    ids=["no tuple", "no list", "list", "generator", "own content"],
)
async def test_nothing_is_pulled_where_there_is_nothing(response, hops):
    async def view(request):
        return response()

    with site(view):
        handler = ASGIHandler()
        await drive(handler)
        with counted_crossings() as count:
            reply = await drive(handler)
    assert count.hops == hops
    assert reply.body in (b"", b"a", b"own")
