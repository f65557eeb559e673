"""``decorator_from_middleware()``: each hook runs as under ASGI, and Django's rules hold."""

from __future__ import annotations

import pytest
from asgiref.sync import sync_to_async
from django.http import HttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.test import override_settings
from django.utils import decorators as djangos
from django.utils.deprecation import MiddlewareMixin

from django_asynckit import _drift
from django_asynckit.decorators import (
    decorator_from_middleware,
    decorator_from_middleware_with_args,
)
from django_asynckit.decorators._from_middleware import native
from django_asynckit.middleware import AsyncMiddlewareMixin, non_blocking
from django_asynckit.middleware import gzip as natives
from tests.decorators import tools
from tests.decorators.tools import hello, hello_sync, note


class Sync(MiddlewareMixin):
    """Somebody's middleware, written for Django's mixin."""

    def __init__(self, get_response, name="sync"):
        super().__init__(get_response)
        self.name = name

    def process_request(self, request):
        note(f"{self.name} request")
        if "early" in request.GET:
            return HttpResponse("early")
        return None

    def process_view(self, request, view, args, kwargs):
        note(f"{self.name} view of {view.__name__} {args} {kwargs}")
        kwargs["unknown"] = "to the view"
        if "view" in request.GET:
            return HttpResponse("from process_view")
        return None

    def process_template_response(self, request, response):
        note(f"{self.name} template response")
        response.context_data["name"] = self.name
        return response

    def process_response(self, request, response):
        note(f"{self.name} response")
        response["X-Name"] = self.name
        return response

    def process_exception(self, request, exception):
        note(f"{self.name} exception")
        return HttpResponse("caught") if "caught" in str(exception) else None


class Inline(AsyncMiddlewareMixin, Sync):
    @non_blocking
    def process_request(self, request):
        return super().process_request(request)

    @non_blocking
    def process_view(self, request, view, args, kwargs):
        return super().process_view(request, view, args, kwargs)

    @non_blocking
    def process_template_response(self, request, response):
        return super().process_template_response(request, response)

    @non_blocking
    def process_response(self, request, response):
        return super().process_response(request, response)

    @non_blocking
    def process_exception(self, request, exception):
        return super().process_exception(request, exception)


class Twins(AsyncMiddlewareMixin, Sync):
    async def aprocess_request(self, request):
        return self.process_request(request)

    async def aprocess_view(self, request, view, args, kwargs):
        return Sync.process_view(self, request, view, args, kwargs)

    async def aprocess_template_response(self, request, response):
        return Sync.process_template_response(self, request, response)

    async def aprocess_response(self, request, response):
        return self.process_response(request, response)

    async def aprocess_exception(self, request, exception):
        return Sync.process_exception(self, request, exception)


class Async:
    """Hooks that are coroutine functions themselves, and no mixin."""

    def __init__(self, get_response):
        self.sync = Sync(hello_sync)

    async def process_request(self, request):
        return self.sync.process_request(request)

    async def process_response(self, request, response):
        return self.sync.process_response(request, response)


class Nothing:
    __slots__ = ()

    def __init__(self, get_response):
        pass


class HoppingTwin(Twins):
    """Leaves the event loop again, also where its twin is called from a thread."""

    async def aprocess_response(self, request, response):
        return await sync_to_async(self.process_response)(request, response)


def template_of(request):
    return TemplateResponse(request, engines["django"].from_string("{{ name }}"), {"name": ""})


async def template(request):
    return template_of(request)


def sync_template(request):
    return template_of(request)


async def broken(request):
    raise ValueError(request.META["QUERY_STRING"])


def sync_broken(request):
    raise ValueError(request.META["QUERY_STRING"])


VIEWS = {
    "hello": (hello, hello_sync),
    "template": (template, sync_template),
    "broken": (broken, sync_broken),
}
REQUESTS = [("/", {}), ("/?early", {}), ("/?view", {}), ("/?caught", {})]


def names():
    return [name.replace("_sync of", " of") for name, _ in tools.calls]


@pytest.mark.parametrize("middleware", [Sync, Inline, Twins, Nothing])
@pytest.mark.parametrize("kind", VIEWS)
async def test_answers_and_calls_are_those_of_djangos_on_a_sync_view(kind, middleware):
    view, sync_view = VIEWS[kind]
    ours = decorator_from_middleware(middleware)(view)
    stock = djangos.decorator_from_middleware(middleware)(sync_view)
    await tools.assert_same(ours, stock, REQUESTS)
    half = len(tools.calls) // 2
    stock_calls = [name.replace(sync_view.__name__, view.__name__) for name in names()[:half]]
    assert names()[half:] == stock_calls


@pytest.mark.parametrize(
    ("middleware", "hops"),
    [
        (Sync, ["process_request", "process_view", "process_response"]),
        (Inline, []),
        (Twins, []),
        (Async, []),
        (Nothing, []),
    ],
)
async def test_a_hook_hops_unless_it_is_known_not_to_block(middleware, hops):
    view = decorator_from_middleware(middleware)(hello)
    with tools.site(view):
        assert await tools.hops_of(view, warm=0) == hops
    assert {on_loop for name, on_loop in tools.calls if name != "view"} <= {not hops}


async def test_exception_hooks_hop_too():
    view = decorator_from_middleware(Sync)(broken)
    with tools.site(view):
        hops = await tools.hops_of(view, "/?caught", warm=0)
    assert hops == ["process_request", "process_view", "process_exception"]


async def test_declared_middleware_makes_no_hop():
    view = decorator_from_middleware(Sync)(hello)
    with tools.site(view, ASYNCKIT_NON_BLOCKING_MIDDLEWARE=[f"{__name__}.Sync"]):
        assert await tools.hops_of(view, warm=0) == []


@pytest.mark.parametrize(
    ("middleware", "on_loop"),
    [(Sync, False), (Inline, False), (Twins, True), (Async, True), (HoppingTwin, False)],
)
async def test_a_response_is_processed_after_it_was_rendered(middleware, on_loop):
    (reply,) = await tools.ask(decorator_from_middleware(middleware)(template), [("/", {})])
    assert (b"X-Name", b"sync") in reply.headers
    assert [where for name, where in tools.calls if name == "sync response"] == [on_loop]


class Marked(TemplateResponse):
    @non_blocking
    def render(self):
        return super().render()


@pytest.mark.parametrize(("middleware", "hops"), [(Inline, False), (Twins, True)])
async def test_a_marked_response_is_rendered_inline_only_with_hooks_that_may_be(middleware, hops):
    async def view(request):
        return Marked(request, engines["django"].from_string("text"), {})

    decorated = decorator_from_middleware(middleware)(view)
    with tools.site(decorated):
        assert ("render" in await tools.hops_of(decorated, warm=0)) is hops


async def test_arguments_go_to_the_middleware():
    decorate = decorator_from_middleware_with_args(Sync)
    for view in (decorate("named")(hello), decorate(name="named")(hello_sync)):
        (reply,) = await tools.ask(view, [("/", {})])
        assert (b"X-Name", b"named") in reply.headers


class OwnGZip(natives.gzip.GZipMiddleware):
    """A user's class."""


def test_exactly_djangos_own_classes_are_replaced_where_they_were_reviewed(monkeypatch):
    djangos_class = natives.gzip.GZipMiddleware
    assert native(djangos_class) is natives.GZipMiddleware
    assert native(OwnGZip) is OwnGZip
    monkeypatch.setattr(_drift, "is_reviewed", lambda path: False)
    assert native(djangos_class) is djangos_class


async def test_what_was_not_reviewed_runs_in_a_thread(monkeypatch):
    monkeypatch.setattr(_drift, "is_reviewed", lambda path: False)
    view = decorator_from_middleware(natives.gzip.GZipMiddleware)(hello)
    monkeypatch.undo()
    with tools.site(view):
        assert await tools.hops_of(view) == ["process_response"]


@override_settings(DEBUG=True)
async def test_a_view_that_is_cancelled_runs_no_exception_hook():
    import asyncio

    async def view(request):
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await decorator_from_middleware(Inline)(view)(None_request())
    assert "sync exception" not in names()


def None_request():
    from django.test import AsyncRequestFactory

    return AsyncRequestFactory().get("/")
