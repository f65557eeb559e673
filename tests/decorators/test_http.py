"""Decorators about HTTP on async views: conditions that are awaited, and logs off the loop."""

from __future__ import annotations

import contextlib
import datetime
import itertools
import logging
import threading

import pytest
from django.http import Http404, HttpResponse
from django.views.decorators import http as djangos

from django_asynckit.decorators import http
from django_asynckit.middleware import non_blocking
from django_asynckit.middleware.http import SMALL_CONTENT
from tests.decorators import tools
from tests.decorators.tools import hello, hello_sync, note

TIME = datetime.datetime(2026, 1, 2, 3, 4, 5)
BEFORE, AFTER = "Thu, 01 Jan 2026 00:00:00 GMT", "Sat, 03 Jan 2026 00:00:00 GMT"


def etag(request, *args, **kwargs):
    note("etag")
    if "missing" in request.GET:
        raise Http404
    return request.GET.get("etag")


def modified(request, *args, **kwargs):
    note("modified")
    return None if "new" in request.GET else TIME


async def aetag(request, *args, **kwargs):
    return etag(request)


async def amodified(request, *args, **kwargs):
    return modified(request)


@non_blocking
def inline_etag(request, *args, **kwargs):
    return etag(request)


@non_blocking
def inline_modified(request, *args, **kwargs):
    return modified(request)


def returns_a_coroutine(request, *args, **kwargs):
    return aetag(request)


class AsyncCallable:
    async def __call__(self, request, *args, **kwargs):
        return etag(request)


URLS = ["/?etag=a", '/?etag="a"', "/?new", "/?missing", "/?etag=W/%22a%22&new"]
HEADERS = [
    {},
    {"if-none-match": '"a"'},
    {"if-none-match": '"b"'},
    {"if-match": '"a"'},
    {"if-match": '"b"'},
    {"if-modified-since": BEFORE},
    {"if-modified-since": AFTER},
    {"if-unmodified-since": BEFORE},
    {"if-unmodified-since": AFTER},
]
ALL = [
    (url, {"headers": headers, "method": "GET" if number % 2 else "PUT"})
    for number, (url, headers) in enumerate(itertools.product(URLS, HEADERS))
]
REQUESTS = [("/?missing", {}), ("/?new", {}), *ALL[:9]]
KINDS = {
    "sync": (etag, modified, ["both"]),
    "async": (aetag, amodified, []),
    "inline": (inline_etag, inline_modified, []),
    "sync and async": (etag, amodified, ["etag"]),
    "async and sync": (aetag, modified, ["modified"]),
    "returns a coroutine": (returns_a_coroutine, inline_modified, ["returns_a_coroutine"]),
    "callable object": (AsyncCallable(), None, []),
    "etag only": (etag, None, ["etag"]),
    "time only": (None, modified, ["modified"]),
    "none": (None, None, []),
}


@pytest.mark.parametrize("kind", KINDS)
async def test_answers_are_those_of_djangos_on_a_sync_view(kind):
    etag_func, modified_func, _ = KINDS[kind]
    stock = djangos.condition(etag_func and etag, modified_func and modified)
    ours = http.condition(etag_func, modified_func)
    requests = ALL if kind == "async" else REQUESTS
    await tools.assert_same(ours(hello), stock(hello_sync), requests)
    # Functions are asked in Django's order, too.
    half = len(tools.calls) // 2
    names = [name for name, _ in tools.calls]
    assert names[half:] == names[:half]


@pytest.mark.parametrize("kind", KINDS)
async def test_hops(kind):
    etag_func, modified_func, hops = KINDS[kind]
    view = http.condition(etag_func, modified_func)(hello)
    with tools.site(view):
        assert await tools.hops_of(view, "/?etag=a") == hops


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_a_sync_view_may_have_async_functions(kind):
    etag_func, modified_func, _ = KINDS[kind]
    stock = djangos.condition(etag, modified)(hello_sync)
    await tools.assert_same(
        http.condition(etag_func, modified_func)(hello_sync), stock, REQUESTS[:6]
    )


async def test_etag_and_last_modified_are_the_halves_of_condition():
    for ours, stock in (
        (http.etag(aetag), djangos.etag(etag)),
        (http.last_modified(amodified), djangos.last_modified(modified)),
    ):
        await tools.assert_same(ours(hello), stock(hello_sync), REQUESTS)


class Remote(logging.Handler):
    """A handler of which nobody knows what it does."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def emit(self, record):
        on_loop = threading.current_thread() is threading.main_thread()
        self.seen.append((record.getMessage(), record.status_code, on_loop))


@contextlib.contextmanager
def remote_log():
    logger, handler = logging.getLogger("django.request"), Remote()
    logger.addHandler(handler)
    try:
        yield handler.seen
    finally:
        logger.removeHandler(handler)


async def test_a_failed_precondition_is_logged_off_the_loop():
    requests = [
        ("/?etag=a", {"headers": {"if-match": '"b"'}, "method": "PUT"}),
        ("/?etag=a", {"headers": {"if-match": '"a"'}, "method": "PUT"}),
    ]
    with remote_log() as seen:
        await tools.assert_same(
            http.condition(aetag, amodified)(hello),
            djangos.condition(etag, modified)(hello_sync),
            requests,
        )
    assert seen == [("Precondition Failed: /", 412, False)] * 2


ALLOWED = {
    "require_GET": ["GET"],
    "require_POST": ["POST"],
    "require_safe": ["GET", "HEAD"],
    "require_http_methods": ["PUT", "GET"],
}


@pytest.mark.parametrize("name", ALLOWED)
async def test_other_methods_are_refused_and_logged_as_by_django(name):
    ours, stock = getattr(http, name), getattr(djangos, name)
    if name == "require_http_methods":
        ours, stock = ours(ALLOWED[name]), stock(ALLOWED[name])
    requests = [("/", {"method": method}) for method in ("GET", "HEAD", "POST", "PUT", "TRACE")]
    with remote_log() as seen:
        replies = await tools.assert_same(ours(hello), stock(hello_sync), requests)
    refused = [
        method
        for (_, request), reply in zip(requests, replies, strict=True)
        for method in [request["method"]]
        if reply.status == 405
    ]
    assert refused == [
        request["method"] for _, request in requests if request["method"] not in ALLOWED[name]
    ]
    half = len(refused)
    assert seen[half:] == [(f"Method Not Allowed ({method}): /", 405, False) for method in refused]
    assert [message for message, *_ in seen[:half]] == [message for message, *_ in seen[half:]]


async def test_a_refusal_with_local_logs_makes_no_hop():
    view = http.require_POST(hello)
    with tools.site(view):
        assert await tools.hops_of(view) == []


@pytest.mark.parametrize(("size", "hops"), [(10, []), (SMALL_CONTENT + 1, ["process_response"])])
async def test_conditional_page_hashes_large_bodies_in_a_thread(size, hops):
    async def view(request):
        return HttpResponse(b"x" * size)

    def sync_view(request):
        return HttpResponse(b"x" * size)

    ours = http.conditional_page(view)
    (reply,) = await tools.assert_same(ours, djangos.conditional_page(sync_view), [("/", {})])
    headers = {"if-none-match": dict(reply.headers)[b"ETag"].decode()}
    requests = [("/", {"headers": headers})]
    (reply,) = await tools.assert_same(ours, djangos.conditional_page(sync_view), requests)
    assert reply.status == 304
    with tools.site(ours):
        assert await tools.hops_of(ours) == hops
