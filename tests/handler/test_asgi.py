"""The whole handler: no hop and no thread where nothing blocks, and Django's answers."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler
from django.test import override_settings

from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.trace import record_hops
from tests.driver import drive, plain_root_logger, scope_for
from tests.handler.tools import (
    assert_same,
    captured_logs,
    counted_crossings,
    watched_signals,
)

FORM = {"content-type": "application/x-www-form-urlencoded"}


async def form(handler):
    token = await drive(handler, "/token/")
    cookie = f"csrftoken={token.cookies['csrftoken']}"
    body = b"a=1&csrfmiddlewaretoken=" + token.body
    return {
        "path": "/form/",
        "method": "POST",
        "headers": {**FORM, "cookie": cookie},
        "chunks": (body,),
    }


async def session(handler):
    reply = await drive(handler, "/session/set/?color=red")
    return {
        "path": "/session/set/",
        "headers": {"cookie": f"sessionid={reply.cookies['sessionid']}"},
    }


async def flushed(handler):
    return {**await session(handler), "path": "/session/flush/"}


def get(path, **extra):
    async def request(handler):
        return {"path": path, **extra}

    return request


REQUESTS = {
    "anonymous": (get("/"), 200),
    "404 returned": (get("/404/"), 404),
    "404 raised": (get("/raises/404/"), 404),
    "404 unknown": (get("/no-such-page/"), 404),
    "403 raised": (get("/raises/403/"), 403),
    "redirect": (get("/sync"), 301),
    "token": (get("/token/"), 200),
    "form": (form, 200),
    "session saved": (session, 200),
    "session flushed": (flushed, 200),
    "anonymous user": (get("/who/"), 200),
    "message": (get("/messages/add/"), 200),
    "stream": (get("/stream/"), 200),
    "large": (get("/large/"), 200),
    "cookies": (get("/cookies/"), 200),
    "head": (get("/", method="HEAD"), 200),
}


@pytest.fixture(scope="module")
def handler():
    return ASGIHandler()


@pytest.mark.parametrize("name", REQUESTS)
async def test_nothing_hops_where_nothing_blocks(handler, name):
    make, status = REQUESTS[name]
    with plain_root_logger():
        request = await make(handler)
        await drive(handler, **request)
        with record_hops() as trace:
            recorded = await drive(handler, **request)
        with counted_crossings() as count:
            counted = await drive(handler, **request)
    assert recorded.status == counted.status == status
    assert (trace.hops, trace.threads_started, trace.unfinished) == ([], 0, 0)
    assert not count


@pytest.mark.parametrize(
    "path", ["/", "/404/", "/sync", "/cookies/", "/stream/", "/large/", "/environment/"]
)
async def test_answers_are_djangos(path):
    await assert_same(scope_for(path))


@pytest.mark.parametrize("root_path", ["", "/app", "/app/"])
@pytest.mark.parametrize("script_name", [None, "/forced"])
@pytest.mark.parametrize(
    "path", ["/environment/", "/app/environment/", "/application/environment/"]
)
async def test_script_prefixes(root_path, script_name, path):
    await assert_same(scope_for(path, root_path=root_path), FORCE_SCRIPT_NAME=script_name)


async def test_the_script_prefix_does_not_leak():
    handler = ASGIHandler()
    await drive(handler, "/app/environment/", root_path="/app")
    assert b'"script": ""' in (await drive(handler, "/environment/")).body


async def test_a_query_string_that_is_not_utf8():
    seen = await assert_same(scope_for("/", query_string=b"\xff"))
    assert seen.reply.status == 400
    assert seen.logs[0][2] == "Bad Request (UnicodeDecodeError)"
    assert seen.signals[1] == ("finished", None, ["signal"])
    handler = ASGIHandler()
    with captured_logs(), counted_crossings() as count:
        await drive(handler, "/", query_string=b"\xff")
    assert not count


async def test_a_content_type_that_cannot_be_parsed():
    headers = {"content-type": "text/html; charset*=x'y"}
    await assert_same(scope_for("/", headers=headers))


@pytest.mark.parametrize("handler_class", [DjangoASGIHandler, ASGIHandler], ids=["stock", "ours"])
async def test_sending_the_answer_to_a_bad_request_may_fail(handler_class):
    async def receive():
        return {"type": "http.request"}

    async def send(message):
        raise OSError("gone")

    with (
        captured_logs(),
        watched_signals() as sent,
        pytest.raises(OSError, match="gone"),
    ):
        await handler_class()(scope_for("/", query_string=b"\xff"), receive, send)
    assert [signal[0] for signal in sent][1:] == (
        ["finished"] if handler_class is ASGIHandler else []
    )


async def test_the_sender_may_be_another_class():
    class Own(ASGIHandler):
        sender = int

    with watched_signals() as sent:
        await drive(Own())
    assert [signal[:2] for signal in sent] == [("started", int), ("finished", int)]


async def test_a_thousand_requests_that_wait_start_no_thread(handler):
    threads = threading.active_count()
    begin = time.monotonic()
    with counted_crossings() as count:
        replies = await asyncio.gather(*(drive(handler, "/slow/?seconds=0.5") for _ in range(1000)))
    assert {reply.body for reply in replies} == {b"slow"}
    assert not count
    assert threading.active_count() <= threads
    # One after the other they would take eight minutes.
    assert time.monotonic() - begin < 40


async def test_a_failing_response_is_answered_with_status_500():
    class Urls:
        urlpatterns = "not a list"

    with override_settings(ROOT_URLCONF=Urls, MIDDLEWARE=[]):
        seen = await assert_same(scope_for())
    assert seen.reply.status == 500 or seen.error
