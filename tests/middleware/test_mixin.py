"""``AsyncMiddlewareMixin`` under our handler, Django's handlers, and in sync mode."""

from __future__ import annotations

import threading

import pytest
from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler
from django.http import HttpRequest, HttpResponse
from django.template.response import SimpleTemplateResponse
from django.test import Client, override_settings
from django.urls import path
from django.utils.decorators import decorator_from_middleware

from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.middleware import AsyncMiddlewareMixin, non_blocking
from django_asynckit.trace import record_hops
from tests.driver import drive

calls: list[tuple[str, bool]] = []


@pytest.fixture(autouse=True)
def _forget_calls():
    calls.clear()


def note(name):
    on_main_thread = threading.current_thread() is threading.main_thread()
    calls.append((name, on_main_thread))


class Rendered(SimpleTemplateResponse):
    @property
    def rendered_content(self):
        return "rendered"


async def view(request):
    return Rendered("unused.html")


async def broken_view(request):
    raise ValueError("broken")


urlpatterns = [path("", view), path("broken/", broken_view)]


class Sync(AsyncMiddlewareMixin):
    def process_request(self, request):
        note("request")

    def process_view(self, request, view_func, view_args, view_kwargs):
        note("view")

    def process_template_response(self, request, response):
        note("template_response")
        return response

    def process_response(self, request, response):
        note("response")
        return response

    def process_exception(self, request, exception):
        note("exception")
        return HttpResponse(str(exception))


class Marked(Sync):
    @non_blocking
    def process_request(self, request):
        super().process_request(request)

    @non_blocking
    def process_view(self, request, *args):
        super().process_view(request, *args)

    @non_blocking
    def process_template_response(self, request, response):
        return super().process_template_response(request, response)

    @non_blocking
    def process_response(self, request, response):
        return super().process_response(request, response)

    @non_blocking
    def process_exception(self, request, exception):
        return super().process_exception(request, exception)


class OnlyTwins(AsyncMiddlewareMixin):
    async def aprocess_request(self, request):
        note("request")

    async def aprocess_view(self, request, view_func, view_args, view_kwargs):
        note("view")

    async def aprocess_template_response(self, request, response):
        note("template_response")
        return response

    async def aprocess_response(self, request, response):
        note("response")
        return response

    async def aprocess_exception(self, request, exception):
        note("exception")
        return HttpResponse(str(exception))


class Both(OnlyTwins, Sync): ...


OK = ["request", "view", "template_response", "response"]
BROKEN = ["request", "view", "exception", "response"]


def use(cls):
    return override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[f"{__name__}.{cls.__name__}"])


@pytest.mark.parametrize("cls", [Sync, Marked, OnlyTwins, Both])
@pytest.mark.parametrize("handler", [ASGIHandler, DjangoASGIHandler], ids=["ours", "django"])
async def test_every_hook_runs_once_and_in_order(cls, handler):
    with use(cls):
        application = handler()
        reply = await drive(application)
        assert (reply.status, reply.body) == (200, b"rendered")
        assert [name for name, _ in calls] == OK
        calls.clear()
        reply = await drive(application, "/broken/")
        assert (reply.status, reply.body) == (200, b"broken")
        assert [name for name, _ in calls] == BROKEN


@pytest.mark.parametrize("cls", [Marked, OnlyTwins, Both])
async def test_marked_hooks_and_twins_run_on_the_loop(cls):
    with use(cls):
        application = ASGIHandler()
        with record_hops() as trace:
            await drive(application, "/broken/")
        assert calls == [(name, True) for name in BROKEN]
        assert trace.hops == []


async def test_plain_sync_hooks_take_one_hop_each_off_the_loop():
    with use(Sync):
        application = ASGIHandler()
        with record_hops() as trace:
            await drive(application, "/broken/")
        assert calls == [(name, False) for name in BROKEN]
        assert len(trace.hops) == 4


@pytest.mark.parametrize(("cls", "hops"), [(Sync, 7), (Marked, 3), (OnlyTwins, 3)])
async def test_fewer_hops_than_djangos_mixin_under_djangos_handler(cls, hops):
    # Django's handler hops for request_started, render() and close() whatever the middleware is.
    with use(cls):
        application = DjangoASGIHandler()
        with record_hops() as trace:
            await drive(application)
        assert len(trace.hops) == hops


@pytest.mark.parametrize("cls", [Sync, Marked, OnlyTwins, Both])
def test_every_hook_runs_under_wsgi(cls):
    with use(cls):
        assert Client().get("/").content == b"rendered"
        assert [name for name, _ in calls] == OK
        calls.clear()
        assert Client().get("/broken/").content == b"broken"
        assert [name for name, _ in calls] == BROKEN


@pytest.mark.parametrize("cls", [Sync, Marked, OnlyTwins])
def test_a_sync_get_response(cls):
    response = HttpResponse("sync")
    assert cls(lambda request: response)("request") is response
    assert [name for name, _ in calls] == ["request", "response"]


@pytest.mark.parametrize("cls", [Sync, Marked, OnlyTwins, AsyncMiddlewareMixin])
async def test_an_async_get_response(cls):
    response = HttpResponse("async")

    async def get_response(request):
        return response

    assert await cls(get_response)("request") is response


async def test_an_early_response_skips_the_rest_of_the_chain():
    early = HttpResponse("early")

    class Early(OnlyTwins):
        async def aprocess_request(self, request):
            return early

    async def get_response(request):
        raise NotImplementedError

    assert await Early(get_response)("request") is early
    assert calls == [("response", True)]


def test_get_response_is_required():
    with pytest.raises(ValueError, match="get_response must be provided"):
        AsyncMiddlewareMixin(None)


def test_an_error_names_the_middleware_whose_template_hook_returned_none():
    assert Marked(view).process_template_response.__self__.__class__ is Marked


async def test_a_hook_that_is_async_only_is_never_passed_over_by_sync_code():
    decorated = decorator_from_middleware(OnlyTwins)(view)
    with pytest.raises(TypeError, match=r"OnlyTwins has only aprocess_request\(\)"):
        await decorated(HttpRequest())
    assert calls == []


def test_sync_views_can_be_decorated():
    response = decorator_from_middleware(Sync)(lambda request: HttpResponse("sync"))(HttpRequest())
    assert response.content == b"sync"
    assert [name for name, _ in calls] == ["request", "view", "response"]


class AsyncHooks(AsyncMiddlewareMixin):
    """Hooks that are coroutine functions under Django's own names."""

    async def process_request(self, request):
        note("request")

    async def process_response(self, request, response):
        note("response")
        return response


@pytest.mark.parametrize("is_async", [False, True])
async def test_hooks_may_be_coroutine_functions(is_async):
    with use(AsyncHooks):
        if is_async:
            assert (await drive(ASGIHandler())).body == b"rendered"
        else:
            assert (await sync_to_async(Client().get)("/")).content == b"rendered"
    assert [name for name, _ in calls] == ["request", "response"]


class StaticHooks(AsyncMiddlewareMixin):
    @staticmethod
    @non_blocking
    def process_view(request, *args):
        note("view")

    @staticmethod
    async def aprocess_template_response(request, response):
        note("template_response")
        return response


class HelperOnTheInstance(AsyncMiddlewareMixin):
    def __init__(self, get_response):
        super().__init__(get_response)
        self.helper = lambda: note("helper")

    def helper(self): ...

    @non_blocking
    def process_view(self, request, *args):
        self.helper()


class AsyncOverride(OnlyTwins):
    async def process_view(self, request, *args):
        return HttpResponse("async override")


async def test_static_hooks():
    with use(StaticHooks):
        assert (await drive(ASGIHandler())).status == 200
    assert calls == [("view", True), ("template_response", True)]


async def test_a_helper_set_on_the_instance_after_super_init_runs_off_the_loop():
    with use(HelperOnTheInstance):
        assert (await drive(ASGIHandler())).status == 200
    assert calls == [("helper", False)]


@pytest.mark.parametrize("handler", [ASGIHandler, DjangoASGIHandler], ids=["ours", "django"])
async def test_an_async_override_of_a_collected_hook_is_what_runs(handler):
    with use(AsyncOverride):
        assert (await drive(handler())).body == b"async override"
