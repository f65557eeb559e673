"""Middleware that is declared free of I/O and does some is named, and leaves the event loop."""

from __future__ import annotations

import asyncio
import logging

import pytest
from django.core.exceptions import SynchronousOnlyOperation
from django.http import HttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.test import Client as DjangoClient
from django.test import override_settings
from django.urls import path
from django.utils.asyncio import async_unsafe

from django_asynckit._compat import MiddlewareMixin
from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.test import AsyncClient, Client
from tests.driver import drive
from tests.handler.tools import captured_logs

HERE = __name__

#: Where each hook of a middleware ran.
ran: list[tuple[str, bool]] = []


def on_loop():
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def note(where):
    ran.append((where, on_loop()))


@async_unsafe
def does_io():
    """Raise on the event loop what the ORM raises there."""


def query(where):
    note(where)
    does_io()


class Hooks(MiddlewareMixin):
    """Each subclass asks the database in one hook."""

    asks_in = ""

    def _run(self, hook):
        (query if self.asks_in == hook else note)(f"{type(self).__name__}.{hook}")

    def process_request(self, request):
        self._run("process_request")

    def process_view(self, request, callback, args, kwargs):
        self._run("process_view")

    def process_template_response(self, request, response):
        self._run("process_template_response")
        return response

    def process_response(self, request, response):
        self._run("process_response")
        return response

    def process_exception(self, request, exception):
        self._run("process_exception")


class Plain:
    """The same for a middleware that is called."""

    asks_in = ""
    _run = Hooks._run
    process_view = Hooks.process_view
    process_template_response = Hooks.process_template_response
    process_exception = Hooks.process_exception

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        self._run("process_request")
        response = self.get_response(request)
        self._run("process_response")
        return response


HOOKS = {
    "process_request": "/",
    "process_response": "/",
    "process_view": "/",
    "process_template_response": "/template/",
    "process_exception": "/broken/",
}


def __getattr__(name):
    """Make ``Hooks_process_view`` and its kin: what asks the database in that hook."""
    base, _, hook = name.partition("_")
    if base not in ("Hooks", "Plain") or (hook and hook not in HOOKS):
        raise AttributeError(name)
    made = globals()[name] = type(name, (globals()[base],), {"asks_in": hook})
    return made


def asks_first(get_response):
    def middleware(request):
        query("asks_first")
        return get_response(request)

    return middleware


def raises_what_was_raised(get_response):
    """Like one that logs errors: it raises again what came out of the view."""

    def middleware(request):
        try:
            return get_response(request)
        except Exception as error:
            note("raises again")
            raise error

    return middleware


class AsyncHook(MiddlewareMixin):
    async def process_view(self, request, callback, args, kwargs):
        query("async hook")


async def fine(request):
    return HttpResponse("fine")


async def waits(request):
    for _ in range(9):
        await asyncio.sleep(0)
    return HttpResponse("fine")


async def broken(request):
    raise ValueError("view")


async def asks(request):
    does_io()


async def template(request):
    return TemplateResponse(request, engines["django"].from_string("rendered"))


urlpatterns = [
    path("", fine),
    path("waits/", waits),
    path("broken/", broken),
    path("asks/", asks),
    path("template/", template),
]


def declared(*names, **settings):
    paths = [f"{HERE}.{name}" for name in names]
    defaults = {
        "ROOT_URLCONF": HERE,
        "MIDDLEWARE": paths,
        "ASYNCKIT_NON_BLOCKING_MIDDLEWARE": paths,
    }
    return override_settings(**(defaults | settings))


@pytest.fixture(autouse=True)
def nothing_ran():
    ran.clear()


@pytest.fixture
def errors():
    with captured_logs("django_asynckit") as records, captured_logs():
        yield records


def is_named(record, name):
    return (
        record.levelname == "ERROR"
        and record.getMessage().startswith(f"{HERE}.{name} is declared free of I/O in ASYNCKIT_NON")
        and record.exc_info[0] is SynchronousOnlyOperation
    )


@pytest.mark.parametrize("base", ["Hooks", "Plain"])
@pytest.mark.parametrize("hook", HOOKS)
async def test_each_hook_is_named_and_in_a_thread_from_the_next_request_on(base, hook, errors):
    name, url = f"{base}_{hook}", HOOKS[hook]
    # Fused with those around it, if it has hooks.
    with declared("Hooks", name, "Plain"):
        handler = ASGIHandler()
        assert (await drive(handler, url)).status == 500
        [record] = errors
        assert is_named(record, name)
        assert (f"{name}.{hook}", True) in ran
        ran.clear()
        for _ in range(2):
            reply = await drive(handler, url)
            assert reply.status == (500 if url == "/broken/" else 200)
    assert len(errors) == 1
    places = {where.partition(".")[0]: is_on_loop for where, is_on_loop in ran}
    assert places == {"Hooks": True, name: False, "Plain": True}
    assert {where for where, _ in ran} >= {f"{name}.process_request", f"{name}.process_response"}


async def test_a_function_is_named_too(errors):
    with declared("asks_first"):
        handler = ASGIHandler()
        assert (await drive(handler)).status == 500
        assert (await drive(handler)).body == b"fine"
    [record] = errors
    assert is_named(record, "asks_first")
    assert ran == [("asks_first", True), ("asks_first", False)]


@pytest.mark.parametrize("outer", ["Hooks", "Plain", "raises_what_was_raised"])
@pytest.mark.parametrize("inner", ["Hooks_process_request", "Plain_process_response", "asks_first"])
@pytest.mark.parametrize("propagates", [False, True])
async def test_the_one_whose_code_raised_is_named(outer, inner, propagates, errors):
    with declared(outer, inner, DEBUG_PROPAGATE_EXCEPTIONS=propagates):
        handler = ASGIHandler()
        if propagates:
            with pytest.raises(SynchronousOnlyOperation):
                await drive(handler)
        else:
            assert (await drive(handler)).status == 500
        assert (await drive(handler)).body == b"fine"
    [record] = errors
    assert is_named(record, inner)


@pytest.mark.parametrize("outer", ["Hooks", "Plain", "raises_what_was_raised"])
@pytest.mark.parametrize("propagates", [False, True])
async def test_nobody_is_named_for_what_the_view_raised(outer, propagates, errors):
    with declared(outer, outer, DEBUG_PROPAGATE_EXCEPTIONS=propagates):
        handler = ASGIHandler()
        for _ in range(2):
            if propagates:
                with pytest.raises(SynchronousOnlyOperation):
                    await drive(handler, "/asks/")
            else:
                assert (await drive(handler, "/asks/")).status == 500
    assert errors == []
    assert all(is_on_loop for _, is_on_loop in ran)


async def test_an_async_hook_has_no_thread_to_go_to(errors):
    with declared("AsyncHook"):
        handler = ASGIHandler()
        for _ in range(2):
            assert (await drive(handler)).status == 500
    assert errors == []


async def test_requests_at_the_same_time_name_it_once(errors):
    with declared("Plain_process_response"):
        handler = ASGIHandler()
        replies = await asyncio.gather(*(drive(handler, "/waits/") for _ in range(5)))
        assert [reply.status for reply in replies] == [500] * 5
        assert (await drive(handler)).body == b"fine"
    assert len(errors) == 1


async def test_one_that_was_begun_on_the_loop_ends_there(errors):
    """Only the next request is in a thread: a greenlet cannot leave its own."""
    with declared("Plain", "Plain_process_view"):
        handler = ASGIHandler()
        await drive(handler)
    assert ran[-1] == ("Plain.process_response", True)
    assert len(errors) == 1


async def test_all_handlers_of_the_process_know_it(errors):
    with declared("asks_first", "Hooks_process_request"):
        first = ASGIHandler()
        for _ in range(2):
            await drive(first)
        for handler in (first, ASGIHandler()):
            assert (await drive(handler)).body == b"fine"
    assert len(errors) == 2


async def test_another_declaration_begins_anew(errors):
    for _ in range(2):
        with declared("asks_first"):
            assert (await drive(ASGIHandler())).status == 500
    assert len(errors) == 2


async def test_a_log_handler_that_may_block_has_a_thread():
    class Network(logging.StreamHandler):
        def emit(self, record):
            note("log")

    network = Network()
    with declared("asks_first"), captured_logs("django_asynckit"), captured_logs():
        logging.getLogger("django_asynckit").addHandler(network)
        assert (await drive(ASGIHandler())).status == 500
    assert ran[1:] == [("log", False)]


def test_with_the_sync_test_client(errors):
    with declared("asks_first", "Hooks_process_view"):
        client = Client(raise_request_exception=False)
        assert [client.get("/").status_code for _ in range(3)] == [500, 500, 200]
        assert Client().get("/").status_code == 200
    assert is_named(errors[0], "asks_first")
    assert is_named(errors[1], "Hooks_process_view")


async def test_with_the_async_test_client(errors):
    with declared("asks_first"):
        client = AsyncClient(raise_request_exception=False)
        statuses = [(await client.get("/")).status_code for _ in range(2)]
    assert statuses == [500, 200]
    assert len(errors) == 1


def test_on_djangos_own_chain_it_was_never_on_the_loop(errors):
    with declared("asks_first"):
        assert DjangoClient().get("/").status_code == 200
    assert errors == []
    assert ran == [("asks_first", False)]
