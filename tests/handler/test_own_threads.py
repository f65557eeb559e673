"""What leaves the event loop without needing a worker: it waits for no user code, and touches no user."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import threading

import pytest
import uvloop
from django.core import mail
from django.db import connections
from django.http import HttpResponse, StreamingHttpResponse
from django.test import override_settings
from django.urls import path
from django.utils.functional import SimpleLazyObject

from django_asynckit._compat import markcoroutinefunction
from django_asynckit.decorators.http import require_GET
from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.middleware import non_blocking
from django_asynckit.middleware.http import ConditionalGetMiddleware
from tests.driver import drive, plain_root_logger
from tests.middleware.test_broken_links import LOCMEM, MANAGERS, backend

RUNNERS = pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
current = contextvars.ContextVar("current")
loaded_in: list[str] = []


def load():
    loaded_in.append(threading.current_thread().name)
    return "a user"


class KeepsLazyObject:
    """As middleware does that keeps ``request.user`` for code that has no request."""

    async_capable = True
    sync_capable = False

    def __init__(self, get_response):
        self.get_response = get_response
        markcoroutinefunction(self)

    async def __call__(self, request):
        current.set(SimpleLazyObject(load))
        return await self.get_response(request)


class MarkedConditionalGet(ConditionalGetMiddleware):
    needs = contextvars.ContextVar("needs", default=False)

    @non_blocking
    def needs_etag(self, response):
        seen.append(self.needs.get())
        return True


seen: list[object] = []


async def page(request):
    MarkedConditionalGet.needs.set(True)
    return HttpResponse("<p>hello</p>" * 20_000)


async def stream(request):
    async def chunks():
        for _ in range(3):
            yield b"x" * 60_000

    return StreamingHttpResponse(chunks())


async def upload(request):
    return HttpResponse("not read")


@require_GET
async def only_get(request):
    raise NotImplementedError


async def missing(request):
    return HttpResponse(status=404)


urlpatterns = [
    path("page/", page),
    path("stream/", stream),
    path("upload/", upload),
    path("only-get/", only_get),
    path("missing/", missing),
]

GZIP = "django.middleware.gzip.GZipMiddleware"
CONDITIONAL = "django.middleware.http.ConditionalGetMiddleware"
BROKEN_LINKS = "django.middleware.common.BrokenLinkEmailsMiddleware"
BODY = (
    b'--B\r\nContent-Disposition: form-data; name="f"; filename="x"\r\nContent-Type: a/b\r\n\r\n'
    + b"z" * 3_000_000
    + b"\r\n--B--\r\n"
)

#: What each kind of work needs in MIDDLEWARE, and the request that makes it.
WORK = {
    "compression": (GZIP, "/page/", {"headers": {"accept-encoding": "gzip"}}),
    "compressed stream": (GZIP, "/stream/", {"headers": {"accept-encoding": "gzip"}}),
    "hash": (CONDITIONAL, "/page/", {}),
    "body": (
        GZIP,
        "/upload/",
        {
            "method": "POST",
            "chunks": (BODY,),
            "headers": {"content-type": "multipart/form-data; boundary=B"},
        },
    ),
    "log": (GZIP, "/missing/", {}),
    "log of a decorator": (GZIP, "/only-get/", {"method": "POST"}),
    "mail": (BROKEN_LINKS, "/missing/", {"headers": {"referer": "http://else.where/"}}),
}
EACH_WORK = pytest.mark.parametrize(("middleware", "url", "request_"), WORK.values(), ids=WORK)


class Remote(logging.Handler):
    """A handler that is not known to be local."""

    def __init__(self):
        super().__init__()
        self.seen = []
        self.addFilter(self._note)

    def _note(self, record):
        self.seen.append((threading.current_thread().name, current.get("nothing")))
        return True

    def emit(self, record):
        pass


@pytest.fixture
def remote():
    handler, logger = Remote(), logging.getLogger("django.request")
    logger.addHandler(handler)
    with plain_root_logger():
        yield handler
    logger.removeHandler(handler)


@pytest.fixture(autouse=True)
def _site(remote):
    loaded_in.clear()
    with override_settings(ROOT_URLCONF=__name__, MANAGERS=MANAGERS, **backend(LOCMEM)):
        yield


@contextlib.contextmanager
def full_executor():
    """Let user code fill asyncio's default executor, to the end of the block."""
    may_end, loop = threading.Event(), asyncio.get_running_loop()
    for _ in range(50):
        loop.run_in_executor(None, may_end.wait, 30)
    try:
        yield
    finally:
        may_end.set()


@RUNNERS
@EACH_WORK
def test_it_waits_for_no_user_code(run, middleware, url, request_):
    async def main():
        with override_settings(MIDDLEWARE=[middleware]):
            handler = ASGIHandler()
        with full_executor():
            async with asyncio.timeout(20):
                return await drive(handler, url, **request_)

    assert run(main()).status in (200, 404, 405)


@RUNNERS
@EACH_WORK
def test_it_loads_nothing_that_is_in_a_context_variable(run, middleware, url, request_):
    async def main():
        with override_settings(MIDDLEWARE=[middleware, f"{__name__}.KeepsLazyObject"]):
            handler = ASGIHandler()
        return await drive(handler, url, **request_)

    assert run(main()).status in (200, 404, 405)
    # What is needed in the request's own thread may be loaded there: that closes its connection.
    assert [one for one in loaded_in if not one.startswith("asynckit-worker-")] == []


@pytest.mark.parametrize("kind", ["log", "log of a decorator"])
async def test_filters_of_logs_see_the_request_in_context_variables(kind, remote):
    """For example its id, which a middleware has put there."""
    middleware, url, request_ = WORK[kind]
    with override_settings(MIDDLEWARE=[middleware]):
        handler = ASGIHandler()
    current.set("the id of the request")
    await drive(handler, url, **request_)
    ((thread, value),) = remote.seen
    assert thread.startswith("asynckit-beside-")
    assert value == "the id of the request"


async def test_so_does_an_override_of_ours_that_is_declared_free_of_io():
    seen.clear()
    with override_settings(MIDDLEWARE=[f"{__name__}.MarkedConditionalGet"]):
        handler = ASGIHandler()
    await drive(handler, "/page/")
    assert seen
    assert all(seen)


async def test_mails_are_sent():
    middleware, url, request_ = WORK["mail"]
    with override_settings(MIDDLEWARE=[middleware]):
        await drive(ASGIHandler(), url, **request_)
    assert len(mail.outbox) == 1


@pytest.mark.usefixtures("in_process_database")
async def test_a_log_handler_that_uses_the_database_leaves_no_connection(remote):
    used = []

    def emit(record):
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT 1")
        used.append(connections["default"])

    remote.emit = emit
    with override_settings(MIDDLEWARE=[]):
        handler = ASGIHandler()
    for _ in range(2):
        await drive(handler, "/missing/")
    assert len(used) == len(set(map(id, used))) == 2
    assert [one.connection for one in used] == [None, None]
