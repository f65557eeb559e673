"""Responses are closed as by Django, in the request's thread where closing may block."""

from __future__ import annotations

import asyncio
import io
import threading
from types import ModuleType, SimpleNamespace

import pytest
from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler
from django.core.handlers.asgi import ASGIRequest
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.test import override_settings
from django.urls import path

from django_asynckit.handler import closing
from django_asynckit.handler.asgi import ASGIHandler
from tests.driver import drive, scope_for
from tests.handler.tools import assert_same, calls, counted_crossings

HANDLERS = pytest.mark.parametrize(
    "handler_class", [DjangoASGIHandler, ASGIHandler], ids=["stock", "ours"]
)


def note(name):
    def closer():
        calls.append((name, threading.current_thread() is threading.main_thread()))

    return closer


class OwnClose(HttpResponse):
    def close(self):
        note("own close")()
        super().close()


class RaisingClose(HttpResponse):
    def close(self):
        raise ValueError("close")


async def plain(request):
    return HttpResponse("plain")


async def own_close(request):
    return OwnClose("own")


async def instance_close(request):
    response = HttpResponse("instance")
    original = response.close

    def close():
        note("instance close")()
        original()

    response.close = close
    return response


async def raising_close(request):
    return RaisingClose("raising")


async def closers(request):
    response = HttpResponse("closers")

    def raises():
        note("raises")()
        raise ValueError

    response._resource_closers += [note("one"), raises, note("two")]
    return response


async def request_closer_raises(request):
    request._stream = io.BytesIO()
    response = HttpResponse("x")
    request.__dict__["_files"] = None
    return response


async def file(request):
    class File(io.BytesIO):
        def close(self):
            note("file")()
            super().close()

    return FileResponse(File(b"content"), content_type="text/plain")


async def both_closed(request):
    def generator():
        try:
            yield b"x"
        finally:
            note("generator")()

    return StreamingHttpResponse(generator())


urlpatterns = [
    path("plain/", plain),
    path("own/", own_close),
    path("instance/", instance_close),
    path("raising/", raising_close),
    path("closers/", closers),
    path("nofiles/", request_closer_raises),
    path("file/", file),
    path("generator/", both_closed),
]


@pytest.fixture(autouse=True)
def urls():
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[]):
        yield


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
@pytest.mark.parametrize(
    ("name", "hops"),
    [
        ("plain", 0), ("own", 1), ("instance", 1), ("raising", 1), ("closers", 1), ("nofiles", 0), ("file", 3), ("generator", 3),
    ],
)  # fmt: skip
async def test_responses_are_closed_as_by_django(name, hops):
    await assert_same(scope_for(f"/{name}/"))
    handler = ASGIHandler()
    with counted_crossings() as count:
        if name == "raising":
            with pytest.raises(ValueError, match="close"):
                await drive(handler, f"/{name}/")
        else:
            await drive(handler, f"/{name}/")
    assert count.hops == hops


@HANDLERS
@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
async def test_closers_run_in_a_thread(handler_class):
    calls.clear()
    for name in ("own", "instance", "closers", "file"):
        await drive(handler_class(), f"/{name}/")
    assert [name for name, _ in calls] == [
        "own close",
        "instance close",
        "one",
        "raises",
        "two",
        "file",
        "file",
    ][: len(calls)]
    assert not any(on_loop for _, on_loop in calls)


async def test_an_inline_closer_that_raises_does_no_harm():
    request = ASGIRequest(scope_for(), io.BytesIO())
    response = HttpResponse()
    response._resource_closers.append(request.close)

    class Stream(io.BytesIO):
        closings = 0

        def close(self):
            self.closings += 1
            if self.closings == 1:
                raise ValueError

    request._stream = Stream()
    response._handler_class = DjangoASGIHandler
    await closing.close(response)
    assert response.closed
    assert response._resource_closers == []


@pytest.mark.parametrize("closer", [len, SimpleNamespace(close=1), io.BytesIO().close])
def test_other_closers_may_block(closer):
    assert not closing._is_request_in_memory(closer)


def test_a_request_class_with_its_own_close_may_block():
    class Request(ASGIRequest):
        def close(self):
            super().close()

    assert not closing._is_request_in_memory(Request(scope_for(), io.BytesIO()).close)
    assert closing._is_request_in_memory(ASGIRequest(scope_for(), io.BytesIO()).close)


def test_a_request_with_files_may_block():
    request = ASGIRequest(scope_for(), io.BytesIO())
    assert closing.holds_no_files(request)
    request._files = {"a": "file"}
    assert not closing.holds_no_files(request)


@pytest.mark.parametrize("on_disk", [False, True])
async def test_a_request_that_got_no_response_is_closed(on_disk):
    """The client goes away in the view: uploaded files do not wait for the garbage collector."""
    seen = []

    async def view(request):
        seen.extend([request, await sync_to_async(lambda: request.FILES["file"])()])
        read.set()
        await asyncio.Event().wait()

    content = b"x" * (3_000_000 if on_disk else 3)
    body = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
        + content
        + b"\r\n--b--\r\n"
    )
    messages = [
        {"type": "http.request", "body": body},
        {"type": "http.disconnect"},
    ]

    read = asyncio.Event()

    async def receive():
        if len(messages) == 1:
            await read.wait()
        return messages.pop(0)

    async def send(message):
        raise AssertionError(message)

    headers = {"content-type": "multipart/form-data; boundary=b", "content-length": str(len(body))}
    urls = ModuleType("urls")
    urls.urlpatterns = [path("", view)]
    with override_settings(ROOT_URLCONF=urls, MIDDLEWARE=[]):
        await ASGIHandler()(scope_for("/", "POST", headers), receive, send)
    request, upload = seen
    assert request._stream.closed
    assert upload.closed
