"""``ConditionalGetMiddleware``: Django's answers; large bodies are hashed beside the event loop."""

from __future__ import annotations

import io
import logging

import pytest
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.test import Client, override_settings
from django.urls import path
from django.utils.cache import set_response_etag

from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.middleware.http import SMALL_CONTENT, ConditionalGetMiddleware
from django_asynckit.trace import record_hops
from tests.driver import drive
from tests.middleware import stores
from tests.middleware.parity import header, same

DATE = "Wed, 21 Oct 2015 07:28:00 GMT"
SIZES = {"small": SMALL_CONTENT, "large": SMALL_CONTENT + 1}


class OwnContent(HttpResponse):
    @property
    def content(self):
        stores.note("content")
        return b"own"

    @content.setter
    def content(self, value):
        pass


class OwnHash(ConditionalGetMiddleware):
    def needs_etag(self, response):
        stores.note("needs_etag")
        return super().needs_etag(response)


async def sized(request, size):
    return HttpResponse(b"x" * SIZES[size])


async def large_not_stored(request):
    return HttpResponse(b"x" * SIZES["large"], headers={"Cache-Control": "no-store, private"})


async def has_etag(request):
    return HttpResponse(b"x" * SIZES["large"], headers={"ETag": '"own"', "Vary": "Cookie"})


async def modified(request):
    response = HttpResponse("modified", headers={"Last-Modified": DATE})
    response.set_cookie("a", "1")
    return response


async def own_content(request):
    return OwnContent()


async def missing(request):
    return HttpResponse("missing", status=404)


async def stream(request):
    async def chunks():
        yield b"chunk"

    return StreamingHttpResponse(chunks())


async def file(request):
    return FileResponse(io.BytesIO(b"x" * SIZES["large"]))


async def template(request):
    return TemplateResponse(request, engines["django"].from_string("rendered"))


urlpatterns = [
    path("sized/<size>/", sized),
    path("no-store/", large_not_stored),
    path("etag/", has_etag),
    path("modified/", modified),
    path("own/", own_content),
    path("404/", missing),
    path("stream/", stream),
    path("template/", template),
    path("file/", file),
]
#: The hash of 131072 times x.
SMALL_ETAG = set_response_etag(HttpResponse(b"x" * SMALL_CONTENT))["ETag"]


@pytest.fixture(autouse=True)
def _site():
    stores.calls.clear()
    with override_settings(
        ROOT_URLCONF=__name__,
        MIDDLEWARE=["django.middleware.http.ConditionalGetMiddleware"],
    ):
        yield


@pytest.mark.parametrize(
    ("url", "headers", "status", "hops"),
    [
        ("/sized/small/", {}, 200, 0),
        ("/sized/small/", {"if-none-match": SMALL_ETAG}, 304, 0),
        ("/sized/small/", {"if-none-match": f'W/"x", {SMALL_ETAG}'}, 304, 0),
        ("/sized/small/", {"if-none-match": "*"}, 304, 0),
        ("/sized/small/", {"if-none-match": '"other"'}, 200, 0),
        ("/sized/large/", {}, 200, 1),
        ("/no-store/", {}, 200, 0),
        ("/etag/", {}, 200, 0),
        ("/etag/", {"if-none-match": '"own"'}, 304, 0),
        ("/modified/", {"if-modified-since": DATE}, 304, 0),
        ("/modified/", {"if-modified-since": "yesterday"}, 200, 0),
        ("/404/", {"if-none-match": "*"}, 404, 0),
        ("/stream/", {}, 200, 0),
    ],
)
async def test_answers_are_djangos(url, headers, status, hops):
    assert (await same(url, headers=headers, hops=hops)).status == status


async def test_other_methods_are_left_alone():
    reply = await same("/sized/large/", method="HEAD", headers={"if-none-match": "*"})
    assert (reply.status, header(reply, "ETag")) == (200, None)


async def test_a_rendered_template_is_hashed():
    reply = await same("/template/", hops=1)  # To render it.
    assert header(reply, "ETag")


async def test_a_large_body_is_hashed_beside_other_code():
    """Not in the request's own thread, which would have to be started."""
    application = ASGIHandler()
    with record_hops() as trace:
        await drive(application, "/sized/large/")
    (hop,) = trace.hops
    assert hop.thread.startswith("asynckit-pool-")


@pytest.mark.parametrize(
    "headers", [{"if-match": '"other"'}, {"if-unmodified-since": "Wed, 21 Oct 2010 07:28:00 GMT"}]
)
async def test_a_failed_precondition_is_logged_off_the_loop(headers):
    class Noting(logging.Handler):
        def emit(self, record):
            stores.note(record.getMessage())

    logger, handler = logging.getLogger("django.request"), Noting()
    logger.addHandler(handler)
    try:
        assert (await drive(ASGIHandler(), "/modified/", headers=headers)).status == 412
    finally:
        logger.removeHandler(handler)
    assert stores.calls == [("Precondition Failed: /modified/", False)]
    # Django's own handler logs it there too.
    assert (await same("/modified/", headers=headers, hops=1)).status == 412


async def test_content_of_ones_own_is_read_off_the_loop():
    reply = await drive(ASGIHandler(), "/own/")
    assert header(reply, "ETag") == set_response_etag(HttpResponse("own"))["ETag"]
    hashing = [on_loop for name, on_loop in stores.calls][:2]
    assert hashing == [False, False]


async def test_an_overridden_helper_runs_once_off_the_loop():
    with override_settings(MIDDLEWARE=[f"{__name__}.OwnHash"]):
        assert header(await drive(ASGIHandler(), "/sized/large/"), "ETag")
    assert stores.calls == [("needs_etag", False)]


async def test_files_are_not_hashed():
    application = ASGIHandler()
    reply = await drive(application, "/file/")
    assert (reply.status, header(reply, "ETag")) == (200, None)


def test_under_wsgi_all_is_djangos():
    assert Client().get("/sized/large/")["ETag"]
