"""Error views of a URLconf may be async under our handler; stock Django answers a bare 500, or raises."""

from __future__ import annotations

import asyncio
import functools
import threading
from types import ModuleType

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import BadRequest, PermissionDenied
from django.core.handlers import exception as handlers_exception
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler
from django.http import Http404, HttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.test import Client as DjangoClient
from django.test import TestCase, override_settings
from django.urls import get_resolver, path
from django.utils.decorators import async_only_middleware, sync_only_middleware
from django.views import View

from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.test import AsyncClient, Client
from tests.driver import drive
from tests.handler import site
from tests.handler.tools import captured_logs, facts

HERE = __name__
ERRORS = {
    400: BadRequest("bad"),
    403: PermissionDenied("denied"),
    404: Http404("missing"),
    500: ValueError("broken"),
}

STATUSES = {"Http404": 404, "Resolver404": 404, "PermissionDenied": 403, "BadRequest": 400}


def error_named(request):
    return ERRORS[int(request.GET["status"])]


async def fails(request):
    raise error_named(request)


def fails_sync(request):
    raise error_named(request)


async def fine(request):
    return HttpResponse("fine")


@sync_only_middleware
def sync_middleware(get_response):
    def middleware(request):
        response = get_response(request)
        response["X-Sync"] = str(response.status_code)
        return response

    return middleware


@sync_only_middleware
def failing_sync_middleware(get_response):
    return fails_sync


@async_only_middleware
def failing_async_middleware(get_response):
    return fails


async def page(request, exception=None):
    """An error view that waits for the event loop and for the database."""
    await asyncio.sleep(0)
    assert threading.current_thread() is asyncio_thread(), "it is not on the event loop"
    what = type(exception).__name__ if exception else "no exception"
    status = STATUSES.get(what, 500)
    return HttpResponse(f"async page: {what}", status=status)


def asyncio_thread():
    asyncio.get_running_loop()
    return threading.current_thread()


def urls(**handlers):
    patterns = [path("", fine), path("fails/", fails), path("fails/sync/", fails_sync)]
    urlconf = ModuleType("urls")
    vars(urlconf).update(handlers, urlpatterns=patterns)
    return urlconf


def all_async():
    return urls(**{f"handler{status}": page for status in ERRORS})


WHERE = {
    "view": ("/fails/", []),
    "sync view": ("/fails/sync/", []),
    "sync-only middleware": ("/", [f"{HERE}.failing_sync_middleware"]),
    "async middleware": ("/", [f"{HERE}.failing_async_middleware"]),
    "below sync-only middleware": ("/fails/", [f"{HERE}.sync_middleware"]),
    "below both": ("/fails/", [f"{HERE}.sync_middleware", site.name("inline")]),
    "declared hook": ("/fails/", [f"{HERE}.sync_middleware", site.name("django")]),
}
EVERYWHERE = pytest.mark.parametrize(("url", "middleware"), WHERE.values(), ids=list(WHERE))


@EVERYWHERE
@pytest.mark.parametrize("status", ERRORS)
async def test_async_error_views_answer_wherever_it_failed(url, middleware, status):
    with (
        override_settings(ROOT_URLCONF=all_async(), MIDDLEWARE=middleware),
        captured_logs() as logs,
    ):
        reply = await drive(ASGIHandler(), f"{url}?status={status}")
    assert reply.status == status
    what = "no exception" if status == 500 else type(ERRORS[status]).__name__
    assert reply.body == f"async page: {what}".encode()
    with override_settings(ROOT_URLCONF=urls(), MIDDLEWARE=middleware), captured_logs() as default:
        await drive(ASGIHandler(), f"{url}?status={status}")
    assert list(map(facts, logs)) == list(map(facts, default))


async def test_a_path_that_does_not_resolve():
    with override_settings(ROOT_URLCONF=all_async(), MIDDLEWARE=[]), captured_logs():
        reply = await drive(ASGIHandler(), "/nowhere/")
    assert (reply.status, reply.body) == (404, b"async page: Resolver404")


async def by_name(request, exception=None):
    return HttpResponse("named", status=404)


class Page(View):
    async def get(self, request, exception=None):
        await asyncio.sleep(0)
        return HttpResponse("class", status=404)


class Callable:
    async def __call__(self, request, exception=None):
        return HttpResponse("callable", status=404)


def behind_a_sync_decorator(request, exception=None):
    return by_name(request, exception=exception)


async def rendered(request, exception=None):
    template = engines["django"].from_string("rendered {{ word }}")
    return TemplateResponse(request, template, {"word": "late"}, status=404)


@pytest.mark.parametrize(
    ("view", "body"),
    [
        (f"{HERE}.by_name", b"named"),
        (functools.partial(by_name), b"named"),
        (Page.as_view(), b"class"),
        (Callable(), b"callable"),
        (behind_a_sync_decorator, b"named"),
        (rendered, b"rendered late"),
    ],
    ids=["path", "partial", "class", "callable", "decorator", "template"],
)
async def test_every_kind_of_async_view(view, body):
    with override_settings(ROOT_URLCONF=urls(handler404=view), MIDDLEWARE=[]), captured_logs():
        reply = await drive(ASGIHandler(), "/nowhere/")
    assert (reply.status, reply.body) == (404, body)


async def raising(request, exception=None):
    await asyncio.sleep(0)
    raise LookupError("in the error view")


def own_404(request, exception):
    return HttpResponse("sync", status=404)


async def test_an_async_error_view_that_raises_leads_to_handler500():
    settings = {"ROOT_URLCONF": urls(handler404=raising, handler500=page), "MIDDLEWARE": []}
    with override_settings(**settings), captured_logs():
        reply = await drive(ASGIHandler(), "/nowhere/")
    assert (reply.status, reply.body) == (500, b"async page: no exception")


async def test_with_debug_the_pages_are_djangos():
    settings = {"ROOT_URLCONF": all_async(), "MIDDLEWARE": [], "DEBUG": True}
    with override_settings(**settings), captured_logs():
        reply = await drive(ASGIHandler(), "/nowhere/")
    assert reply.status == 404
    assert b"DEBUG = True" in reply.body


async def test_propagated_exceptions_reach_the_server():
    settings = {"ROOT_URLCONF": all_async(), "MIDDLEWARE": [], "DEBUG_PROPAGATE_EXCEPTIONS": True}
    with override_settings(**settings), captured_logs(), pytest.raises(ValueError, match="broken"):
        await drive(ASGIHandler(), "/fails/?status=500")


async def test_the_error_view_sees_the_exception_being_handled():
    import sys

    async def sees(request):
        return HttpResponse(repr(sys.exc_info()[1]), status=500)

    with override_settings(ROOT_URLCONF=urls(handler500=sees), MIDDLEWARE=[]), captured_logs():
        reply = await drive(ASGIHandler(), "/fails/?status=500")
    assert reply.body == b"ValueError('broken')"


async def test_a_urlconf_that_a_middleware_sets():
    with (
        override_settings(ROOT_URLCONF=urls(), MIDDLEWARE=[f"{HERE}.sets_urlconf"]),
        captured_logs(),
    ):
        reply = await drive(ASGIHandler(), "/nowhere/")
    assert reply.body == b"named"


OTHER = urls(handler404=by_name)


@sync_only_middleware
def sets_urlconf(get_response):
    def middleware(request):
        request.urlconf = OTHER
        return get_response(request)

    return middleware


# Test clients.


class ClientTests(TestCase):
    """Database code of the error view is in the transaction of the test."""

    def setUp(self):
        ContentType.objects.create(app_label="app", model="model")

    def test_sync_client(self):
        with override_settings(ROOT_URLCONF=urls(handler404=counts), MIDDLEWARE=[]):
            assert Client().get("/nowhere/").content == b"1"

    async def test_async_client(self):
        with override_settings(ROOT_URLCONF=urls(handler404=counts), MIDDLEWARE=[]):
            assert (await AsyncClient().get("/nowhere/")).content == b"1"

    def test_the_sync_client_with_sync_only_middleware(self):
        settings = {"MIDDLEWARE": [f"{HERE}.sync_middleware"]}
        with override_settings(ROOT_URLCONF=urls(handler404=counts), **settings):
            assert Client().get("/nowhere/").content == b"1"


async def counts(request, exception):
    count = await ContentType.objects.filter(app_label="app", model="model").acount()
    return HttpResponse(count, status=404)


# Elsewhere Django gets its own.


@pytest.fixture
def unawaited():
    """A URLconf whose error view returns coroutines, and these; they are closed."""
    made = []

    def page_500(request):
        made.append(page(request))
        return made[-1]

    settings = {"ROOT_URLCONF": urls(handler404=by_name, handler500=page_500), "MIDDLEWARE": []}
    with override_settings(**settings), captured_logs():
        yield made
    for coroutine in made:
        coroutine.close()


async def test_under_djangos_handler_nothing_changes(unawaited):
    assert (await drive(ASGIHandler(), "/nowhere/")).status == 404
    with pytest.raises(AttributeError, match="coroutine"):
        await drive(DjangoASGIHandler(), "/fails/?status=500")
    assert len(unawaited) == 1


async def test_what_somebody_put_in_the_place_of_djangos_resolver_stays(monkeypatch):
    def patched(urlconf):
        return get_resolver(urlconf)

    monkeypatch.setattr(handlers_exception, "get_resolver", patched)
    with override_settings(ROOT_URLCONF=all_async(), MIDDLEWARE=[]):
        ASGIHandler()
    assert handlers_exception.get_resolver is patched


def test_after_one_of_our_clients_djangos_own_does_as_ever(unawaited):
    client = Client(raise_request_exception=False)
    assert client.get("/fails/?status=500").content == b"async page: no exception"
    with pytest.raises(AttributeError, match="coroutine"):
        DjangoClient(raise_request_exception=False).get("/fails/?status=500")
    assert len(unawaited) == 2
