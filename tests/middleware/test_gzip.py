"""``GZipMiddleware``: Django's bytes; what is large is compressed off the event loop."""

from __future__ import annotations

import asyncio
import gzip
import random
import threading

import pytest
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.middleware.gzip import GZipMiddleware as DjangoGZipMiddleware
from django.test import RequestFactory, override_settings
from django.urls import path
from django.utils import text

from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.middleware import non_blocking
from django_asynckit.middleware._steps import Feed, Steps
from django_asynckit.middleware.gzip import SMALL, GZipMiddleware
from django_asynckit.trace import record_hops
from tests.driver import drive, plain_root_logger

MIDDLEWARE = ["django.middleware.gzip.GZipMiddleware"]
RANDOM = random.Random(1).randbytes(3 * SMALL)
PATTERN = b"A page that says the same again and again. " * 5000
events: list[str] = []


def content(request):
    size = int(request.GET.get("size", "1000"))
    return (RANDOM if "random" in request.GET else PATTERN)[:size]


def pieces(request):
    for size in request.GET.get("sizes", "1000").split():
        yield PATTERN[: int(size)]


def with_headers(response, request):
    for name, value in request.GET.items():
        if name[0].isupper():
            response.headers[name] = value
    return response


async def page(request):
    return with_headers(HttpResponse(content(request)), request)


def template_like(request):
    return with_headers(HttpResponse([content(request), "text"]), request)


async def stream(request):
    async def chunks():
        try:
            for piece in pieces(request):
                events.append("chunk")
                yield piece
                await asyncio.sleep(0)
            if "broken" in request.GET:
                raise ValueError("broken")
        finally:
            events.append("finally")

    return with_headers(StreamingHttpResponse(chunks()), request)


async def text_stream(request):
    async def chunks():
        yield "grüße " * 10
        yield "grüße " * SMALL

    return StreamingHttpResponse(chunks())


async def sync_stream(request):
    return with_headers(StreamingHttpResponse(pieces(request)), request)


def download(request):
    return FileResponse(open(__file__, "rb"))


urlpatterns = [
    path("", page),
    path("list/", template_like),
    path("stream/", stream),
    path("stream/text/", text_stream),
    path("stream/sync/", sync_stream),
    path("download/", download),
]

SIZES = ["0", "1 2 3", "1000 2000", f"{SMALL} {SMALL + 1}", "100000 10 100000 0 5", "200 " * 50]
URLS = [
    "/?size=0",
    "/?size=199",
    "/?size=200",
    "/?size=201",
    f"/?size={SMALL}",
    f"/?size={SMALL + 1}",
    f"/?size={SMALL * 3}",
    f"/?size={SMALL * 3}&random=1",
    "/?size=1000&random=1",
    '/?size=50000&ETag="strong"',
    '/?size=50000&ETag=W/"weak"',
    '/?size=500&ETag="strong"',
    "/?size=50000&Vary=Cookie&Content-Length=50000",
    "/?size=50000&Content-Encoding=br",
    "/list/?size=50000",
    *(f"/stream/?sizes={sizes.replace(' ', '+')}" for sizes in SIZES),
    *(f"/stream/sync/?sizes={sizes.replace(' ', '+')}" for sizes in SIZES),
    '/stream/?ETag="strong"&Content-Length=1000',
    '/stream/sync/?ETag="strong"&Content-Length=1000',
    "/stream/?Content-Encoding=br",
    "/stream/text/",
    "/download/",
]


@pytest.fixture(autouse=True)
def numbers(monkeypatch):
    """The site, and where the lengths of the file names in the headers come from."""
    events.clear()
    numbers = random.Random(7)
    monkeypatch.setattr(text.secrets, "randbelow", numbers.randrange)
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=MIDDLEWARE):
        yield numbers


@pytest.fixture
def compress_with(monkeypatch):
    """Return a function that puts another one around all compression: it gets what compresses."""
    write, compress = text.GzipFile.write, text.gzip_compress

    def around(function):
        def other_write(self, data):
            return function(lambda: write(self, data))

        def other_compress(*args, **kwargs):
            return function(lambda: compress(*args, **kwargs))

        other_file = type("File", (text.GzipFile,), {"write": other_write})
        monkeypatch.setattr(text, "GzipFile", other_file)
        monkeypatch.setattr(text, "gzip_compress", other_compress)

    return around


@pytest.fixture
def compressing(compress_with):
    """Whether each piece was compressed where the event loop runs."""
    seen = []

    def note(compress):
        seen.append(threading.current_thread() is threading.main_thread())
        return compress()

    compress_with(note)
    return seen


ACCEPT = {"accept-encoding": "gzip, deflate"}


async def hops_of(url, headers=ACCEPT):
    application = ASGIHandler()
    with record_hops() as trace, plain_root_logger():
        reply = await drive(application, url, headers=headers)
    return reply, [hop.target.rpartition(".")[2] for hop in trace.hops]


# The same answers as stock Django.


@pytest.mark.parametrize("accept", ["gzip, deflate", "br, gzip;q=0.5", "deflate", "xgzip", None])
@pytest.mark.parametrize("url", URLS)
async def test_messages_are_those_of_stock_django(url, accept, numbers, recwarn):
    headers = {"accept-encoding": accept} if accept else {}
    state = numbers.getstate()
    # Django warns that it reads a sync iterator whole, and then sends it in one piece.
    stock = await drive(DjangoASGIHandler(), url, headers=headers)
    recwarn.clear()
    numbers.setstate(state)
    ours = await drive(ASGIHandler(), url, headers=headers)
    assert (ours.status, ours.headers, ours.body) == (stock.status, stock.headers, stock.body)
    if "sync" not in url and "download" not in url:
        assert ours.messages == stock.messages


async def test_what_is_compressed_can_be_read_again():
    for url in (f"/?size={SMALL * 2}", f"/stream/?sizes={SMALL * 2}+10"):
        reply, _ = await hops_of(url)
        assert gzip.decompress(reply.body).startswith(PATTERN[:SMALL])
        assert dict(reply.headers)[b"Content-Encoding"] == b"gzip"


# Where it is compressed.


@pytest.mark.parametrize(
    ("url", "hops", "inline"),
    [
        ("/?size=199", [], []),
        (f"/?size={SMALL}", [], [True]),
        (f"/?size={SMALL + 1}", ["process_response"], [False]),
        (f"/?size={SMALL * 2}&Content-Encoding=br", [], []),
        (f"/stream/?sizes=10+{SMALL}+500", [], [True, True, True]),
        (
            f"/stream/?sizes=10+{SMALL + 1}+500+{SMALL * 2}",
            ["advance", "advance"],
            [True, False, True, False],
        ),
        (f"/stream/?sizes={SMALL * 2}&Content-Encoding=br", [], []),
    ],
)
async def test_only_what_is_large_is_compressed_in_a_thread(url, hops, inline, compressing):
    _, made = await hops_of(url)
    assert made == hops
    assert compressing == inline


async def test_what_nobody_asked_to_compress_makes_no_hop(compressing):
    for url in (f"/?size={SMALL * 2}", f"/stream/?sizes={SMALL * 2}"):
        reply, hops = await hops_of(url, {})
        assert (hops, compressing) == ([], [])
        assert dict(reply.headers)[b"Vary"] == b"Accept-Encoding"


async def test_bodies_of_requests_are_compressed_side_by_side(compress_with):
    together = threading.Barrier(3, timeout=20)

    def meet(compress):
        together.wait()
        return compress()

    compress_with(meet)
    application = ASGIHandler()
    url = f"/?size={SMALL * 2}"
    replies = await asyncio.gather(*(drive(application, url, headers=ACCEPT) for _ in range(3)))
    assert {reply.status for reply in replies} == {200}


# How a stream ends.


async def test_an_error_in_a_stream_is_what_it_is_on_stock_django():
    for handler_class in (DjangoASGIHandler, ASGIHandler):
        events.clear()
        with pytest.raises(ValueError, match="broken"):
            await drive(handler_class(), "/stream/?broken=1", headers=ACCEPT)
        assert events == ["chunk", "finally"]


async def test_an_error_while_compressing_ends_the_stream(compress_with):
    def fail(compress):
        raise OSError("no more")

    compress_with(fail)
    for handler_class in (DjangoASGIHandler, ASGIHandler):
        with pytest.raises(OSError, match="no more"):
            await drive(handler_class(), "/stream/", headers=ACCEPT)


def compressed_stream(*chunks):
    async def produce():
        try:
            for chunk in chunks:
                yield chunk
        finally:
            events.append("finally")

    async def view(request):
        return StreamingHttpResponse(source)

    source = produce()
    request = RequestFactory().get("/", headers=ACCEPT)
    return GZipMiddleware(view)(request), source


async def test_what_waits_for_a_chunk_is_closed_as_generators_are():
    async def made(chunks):
        try:
            yield b"header"
            async for chunk in chunks:
                yield chunk.upper()
        finally:
            events.append("closed")

    feed = Feed()
    steps = Steps(made(feed))
    assert steps.advance() == [b"header"]
    feed.hand_over(b"a")
    assert steps.advance() == [b"A"]
    steps.close()
    assert events == ["closed"]


@pytest.mark.parametrize("count", range(4))
async def test_a_stream_can_be_closed_at_any_chunk(count):
    response, source = compressed_stream(b"a" * 500, b"b" * SMALL * 2, b"c")
    parts = (await response).streaming_content
    async for _ in parts:
        count -= 1
        if count < 0:
            break
    await parts.aclose()
    await source.aclose()
    assert len(events) <= 1


async def test_a_stream_that_is_cancelled_waits_for_its_chunk(compress_with):
    entered, leave = threading.Event(), threading.Event()

    def wait(compress):
        entered.set()
        assert leave.wait(20)
        return compress()

    compress_with(wait)
    response, source = compressed_stream(b"b" * SMALL * 2)
    parts = (await response).streaming_content

    async def read():
        async for _ in parts:
            pass

    task = asyncio.create_task(read())
    while not entered.is_set():
        await asyncio.sleep(0.001)
    task.cancel()
    await asyncio.sleep(0.01)
    assert not task.done()
    leave.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    await source.aclose()


# Subclasses.


class OtherLevel(GZipMiddleware):
    max_random_bytes = 0


class Computed(GZipMiddleware):
    @property
    def max_random_bytes(self):
        events.append(threading.current_thread().name)
        return 5


class MarkedProperty(GZipMiddleware):
    @property
    @non_blocking
    def max_random_bytes(self):
        events.append(threading.current_thread().name)
        return 5


class ThirdParty(DjangoGZipMiddleware):
    """Gives another response."""

    def process_response(self, request, response):
        super().process_response(request, response)
        return HttpResponse("replaced")


class Both(GZipMiddleware, ThirdParty):
    pass


@pytest.mark.parametrize(
    ("name", "hops"),
    [("OtherLevel", []), ("Computed", ["process_response"]), ("MarkedProperty", [])],
)
async def test_overridden_attributes_count(name, hops):
    with override_settings(MIDDLEWARE=[f"{__name__}.{name}"]):
        reply, made = await hops_of("/?size=1000")
    assert [hop for hop in made if hop != "close"] == hops
    assert gzip.decompress(reply.body) == PATTERN[:1000]
    assert (threading.main_thread().name in events) is (name == "MarkedProperty")


async def test_a_response_of_another_class_in_the_mro_is_kept():
    with override_settings(MIDDLEWARE=[f"{__name__}.Both"]):
        reply, _ = await hops_of("/stream/")
    assert reply.body == b"replaced"


def test_under_wsgi_it_is_djangos_class():
    request = RequestFactory().get("/", headers=ACCEPT)
    response = GZipMiddleware(lambda request: HttpResponse(PATTERN))(request)
    assert gzip.decompress(response.content) == PATTERN
