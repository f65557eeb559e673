"""A response that is made for a client that is gone is closed, once, wherever it was made."""

from __future__ import annotations

import asyncio
import gc
import logging
import mimetypes
import threading
from types import ModuleType

import pytest
from django.core.signals import request_finished
from django.db import connections
from django.http import FileResponse, Http404, HttpResponse, StreamingHttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.test import override_settings
from django.urls import path
from django.utils.decorators import sync_only_middleware

from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.handler.promises import promise_of
from django_asynckit.middleware import AsyncMiddlewareMixin
from django_asynckit.middleware._responses import Made, keep_responses, note
from tests.driver import drive, scope_for
from tests.handler.tools import captured_logs, leftover_tasks

HERE = __name__
mimetypes.init()  # It reads files when a FileResponse first needs it.


class Site:
    """What happens in one request: files are opened, and one place waits to be let go."""

    def __init__(self) -> None:
        self.files = []
        self.closed = []
        self.entered = threading.Event()
        self.gate = threading.Event()
        self.finished = []

    def wait(self) -> None:
        """Wait in a thread, until the client is gone."""
        self.entered.set()
        assert self.gate.wait(10)

    async def await_(self) -> None:
        """Wait on the event loop, until cancelled."""
        self.entered.set()
        await asyncio.Event().wait()

    def open(self):
        self.files.append(open(__file__, "rb"))  # noqa: SIM115 - the handler closes it.
        return self.files[-1]

    def response(self, status=200):
        return FileResponse(self.open(), status=status)


site = Site()


class OwnClose(HttpResponse):
    def close(self):
        site.closed.append(self)
        super().close()


def sync_view(request):
    site.wait()
    return site.response()


async def async_view(request):
    return site.response()


def own_close(request):
    site.wait()
    return OwnClose()


def generator(request):
    def parts():
        yield b"never sent"

    site.wait()
    response = StreamingHttpResponse(parts())
    response._resource_closers.append(site.open().close)
    return response


def uploaded(request):
    site.files.append(request.FILES["file"])
    site.wait()
    return HttpResponse(site.files[0].read())


def fine(request):
    return HttpResponse("fine")


async def broken(request):
    raise ValueError("view")


def missing(request):
    raise Http404


class Slow(TemplateResponse):
    def render(self):
        site.wait()
        return super().render()


async def renders(request):
    response = Slow(request, engines["django"].from_string("rendered"))
    response._resource_closers.append(site.open().close)
    return response


@sync_only_middleware
def answers(get_response):
    def middleware(request):
        site.wait()
        return site.response()

    return middleware


@sync_only_middleware
def passes(get_response):
    return lambda request: get_response(request)


@sync_only_middleware
def waits_after(get_response):
    def middleware(request):
        response = get_response(request)
        site.wait()
        return response

    return middleware


def awaits_after(get_response):
    async def middleware(request):
        response = await get_response(request)
        await site.await_()
        return response

    return middleware


awaits_after.async_capable, awaits_after.sync_capable = True, False


class Hook(AsyncMiddlewareMixin):
    def process_request(self, request):
        site.wait()
        return site.response()


class ViewHook(AsyncMiddlewareMixin):
    def process_view(self, request, callback, args, kwargs):
        site.wait()
        return site.response()


class DjangosViewHook:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_view(self, request, callback, args, kwargs):
        site.wait()
        return site.response()


class TemplateHook(AsyncMiddlewareMixin):
    def process_template_response(self, request, response):
        site.wait()
        return response


class ResponseHook(AsyncMiddlewareMixin):
    def process_response(self, request, response):
        site.wait()
        return response


class ExceptionHook(AsyncMiddlewareMixin):
    def process_exception(self, request, exception):
        site.wait()
        return site.response()


def handler404(request, exception):
    site.wait()
    return site.response(404)


def handler500(request):
    site.wait()
    return site.response(500)


class Idle(AsyncMiddlewareMixin):
    def process_response(self, request, response):
        return response


VIEWS = (sync_view, async_view, own_close, generator, uploaded, fine, broken, missing, renders)
#: Where the client leaves: middleware, and the view.
PLACES = {
    "sync view": ([], sync_view),
    "below sync-only middleware": (["passes"], sync_view),
    "below two": (["passes", "Idle", "passes"], sync_view),
    "below a hook": (["Idle"], sync_view),
    "stream": ([], generator),
    "sync-only middleware": (["answers"], fine),
    "sync-only middleware below": (["Idle", "answers"], fine),
    "after a sync view": (["waits_after"], sync_view),
    "after an async view": (["waits_after"], async_view),
    "async middleware after an async view": (["awaits_after"], async_view),
    "async middleware below sync-only": (["passes", "awaits_after"], async_view),
    "request hook": (["Hook"], fine),
    "view hook": (["ViewHook"], fine),
    "view hook of a sync-only class": (["DjangosViewHook"], fine),
    "view hook below": (["passes", "DjangosViewHook"], fine),
    "template hook": (["TemplateHook"], renders),
    "response hook": (["ResponseHook"], async_view),
    "two response hooks": (["Idle", "ResponseHook"], async_view),
    "exception hook": (["ExceptionHook"], broken),
    "exception hook below": (["passes", "ExceptionHook"], broken),
    "handler404": ([], missing),
    "handler404 below": (["passes"], missing),
    "handler500": ([], broken),
    "render": ([], renders),
    "upload": ([], uploaded),
}


@pytest.fixture(autouse=True)
def new_site():
    """Each file must have been closed by the handler; the garbage collector is not waited for."""
    site.__init__()

    def receiver(sender, **kwargs):
        site.finished.append(threading.current_thread())

    request_finished.connect(receiver)
    gc.disable()
    yield
    gc.enable()
    request_finished.disconnect(receiver)
    for file in site.files:
        file.close()


def settings_for(middleware, view=None, **extra):
    urlconf = ModuleType("urls")
    urlconf.urlpatterns = [path(f"{one.__name__}/", one) for one in VIEWS]
    urlconf.handler404, urlconf.handler500 = handler404, handler500
    return override_settings(
        ROOT_URLCONF=urlconf, MIDDLEWARE=[f"{HERE}.{name}" for name in middleware], **extra
    )


BODY = (
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
    + b"x" * 3_000_000
    + b"\r\n--b--\r\n"
)
HEADERS = {"content-type": "multipart/form-data; boundary=b", "content-length": str(len(BODY))}


async def leave(view, how="disconnect"):
    """Send a request whose client leaves, or which the server cancels, where the site waits."""
    gone, messages = asyncio.Event(), [{"type": "http.request", "body": BODY}]

    async def receive():
        if messages:
            return messages.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        raise AssertionError(message)

    scope = scope_for(f"/{view.__name__}/", "POST", HEADERS)
    with captured_logs():
        task = asyncio.create_task(ASGIHandler()(scope, receive, send))
        async with asyncio.timeout(10):
            while not site.entered.is_set():
                await asyncio.sleep(0.001)
        for one in how.split(" and "):
            gone.set() if one == "disconnect" else task.cancel()
            for _ in range(5):
                await asyncio.sleep(0.001)
        site.gate.set()
        async with asyncio.timeout(10):
            (outcome,) = await asyncio.gather(task, return_exceptions=True)
    if how != "cancel":
        assert outcome is None or "and" in how
    else:
        assert isinstance(outcome, asyncio.CancelledError)
    assert await leftover_tasks() == []


@pytest.mark.parametrize("how", ["disconnect", "cancel", "disconnect and cancel"])
@pytest.mark.parametrize("place", PLACES)
async def test_files_are_closed_and_the_end_is_told_once(place, how):
    middleware, view = PLACES[place]
    with settings_for(middleware):
        await leave(view, how)
    assert len(site.files) == 1
    assert site.files[0].closed
    assert len(site.finished) == 1


async def not_found(request):
    return site.response(404)


VIEWS += (not_found,)


async def test_a_response_that_is_being_logged():
    """By then it knows how to close its request."""

    class Waiting(logging.StreamHandler):
        def emit(self, record):
            site.wait()

    logger, waiting = logging.getLogger("django.request"), Waiting()
    logger.addHandler(waiting)
    try:
        with settings_for([]):
            await leave(not_found)
    finally:
        logger.removeHandler(waiting)
    assert site.files[0].closed
    assert len(site.finished) == 1


async def test_an_override_of_close_is_run_once():
    with settings_for([]):
        await leave(own_close)
    [response] = site.closed
    assert response.closed
    assert len(site.finished) == 1


async def test_declared_middleware_that_left_the_event_loop():
    with settings_for(["answers"], ASYNCKIT_NON_BLOCKING_MIDDLEWARE=[f"{HERE}.answers"]):
        promise_of(f"{HERE}.answers").is_broken = True
        await leave(fine)
    assert site.files[0].closed


@pytest.mark.usefixtures("in_process_database")
async def test_an_async_view_whose_commit_delays_the_cancellation(monkeypatch):
    """The view has returned, and its response is in the hands of the transaction."""
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)

    async def view(request):
        response = site.response()
        site.entered.set()
        site.gate.set()
        asyncio.current_task().cancel()
        return response

    urlconf = ModuleType("urls")
    urlconf.urlpatterns = [path("view/", view)]
    with override_settings(ROOT_URLCONF=urlconf, MIDDLEWARE=[]):
        await leave(view, "cancel")
    assert site.files[0].closed
    assert len(site.finished) == 1


# Timeouts: the request is answered, and the view's response reaches nobody.


def gives_up(get_response):
    async def middleware(request):
        response = asyncio.ensure_future(get_response(request))
        while not site.entered.is_set():
            await asyncio.sleep(0.001)
        response.cancel()
        # Sync-only middleware ends when its view has ended.
        asyncio.get_running_loop().call_later(0.02, site.gate.set)
        await asyncio.wait([response])
        return HttpResponse("gave up", status=504)

    return middleware


gives_up.async_capable, gives_up.sync_capable = True, False


@pytest.mark.parametrize(
    "middleware", [["gives_up"], ["passes", "gives_up"], ["gives_up", "passes"]]
)
async def test_a_response_that_comes_after_a_timeout(middleware):
    with settings_for(["Idle", *middleware]), captured_logs():
        async with asyncio.timeout(10):
            reply = await drive(ASGIHandler(), "/sync_view/")
    assert (reply.status, reply.body) == (504, b"gave up")
    [file] = site.files
    assert file.closed
    assert len(site.finished) == 1


class Replaces(AsyncMiddlewareMixin):
    def process_response(self, request, response):
        return HttpResponse(response.getvalue()[:9])


async def test_what_a_middleware_has_replaced_is_left_as_on_stock():
    site.gate.set()
    with settings_for(["Replaces"]):
        reply = await drive(ASGIHandler(), "/sync_view/")
    assert reply.body == b'"""A resp'
    assert not site.files[0].closed


async def test_what_was_replaced_is_closed_if_the_client_left_then():
    with settings_for(["ResponseHook", "Replaces"]):
        await leave(async_view)
    assert site.files[0].closed
    assert len(site.finished) == 1


# What keeps them.


def test_only_responses_are_kept_each_once():
    made = Made()
    first, second = HttpResponse(), HttpResponse()
    for result in (None, "text", first, second, object(), first):
        made.note(result)
    assert made.end() == [first, second]
    assert made.end() == []


def test_one_that_comes_after_the_end_is_closed_at_once_without_a_signal():
    made, response = Made(), site.response()

    def raises():
        raise ValueError

    response._resource_closers.insert(0, raises)
    made.end()
    made.note(response)
    assert response.closed
    assert site.files[0].closed
    assert response._resource_closers == []
    assert site.finished == []


async def test_many_threads_at_the_end_close_each_once():
    made, closings = Made(), []

    def work():
        response = HttpResponse()
        response._resource_closers.append(lambda: closings.append(response))
        made.note(response)

    threads = [threading.Thread(target=work) for _ in range(50)]
    for thread in threads[:25]:
        thread.start()
    kept = made.end()
    for thread in threads[25:]:
        thread.start()
    for thread in threads:
        await asyncio.to_thread(thread.join)
    assert len({id(one) for one in (*kept, *closings)}) == len(kept) + len(closings) == 50


def test_a_request_of_others_keeps_none():
    class Request:
        """Not one that our handler handles."""

    request = Request()
    note(request, HttpResponse())
    made, response = keep_responses(request), HttpResponse()
    note(request, response)
    assert made.end() == [response]
