"""Middleware that is declared free of I/O answers as on stock Django, on the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import itertools
import sys
import threading
import traceback

import pytest
from asgiref.sync import async_to_sync
from django.contrib.sessions.models import Session
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers import base
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler
from django.http import HttpResponse
from django.test import override_settings
from django.urls import path

from django_asynckit._compat import MiddlewareMixin
from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.handler.promises import Promise
from django_asynckit.handler.suspension import Suspension
from django_asynckit.test import Client
from tests.driver import drive, plain_root_logger, scope_for
from tests.handler import site
from tests.handler.tools import assert_same, build, calls, captured_logs, counted_crossings

HERE = __name__
SITE = "tests.handler.site"
DECLARABLE = ("django", "synconly", "fsync")
OTHERS = ("inline", "hop", "fasync", "fboth")
#: Where a hook runs.
URLS = {
    "request": "/",
    "response": "/nowhere/",
    "view": "/sync/",
    "template": "/template/",
    "exception": "/broken/",
}

shared = contextvars.ContextVar("shared", default="nothing")


def names(styles, behaviours=("", "", "")):
    return [site.name(*item) for item in zip(styles, "abc", behaviours, strict=False)]


def declare(*middleware, but=(), urls=SITE, **extra):
    """Return settings that have ``middleware`` and declare it."""
    return {
        "ROOT_URLCONF": urls,
        "MIDDLEWARE": list(middleware),
        "ASYNCKIT_NON_BLOCKING_MIDDLEWARE": [name for name in middleware if name not in but],
        **extra,
    }


def here(*functions, **extra):
    return declare(*(f"{HERE}.{function.__name__}" for function in functions), urls=HERE, **extra)


async def crossings(settings, url="/"):
    handler = build(**settings)
    with override_settings(**settings), plain_root_logger():
        await drive(handler, url)
        with counted_crossings() as count:
            await drive(handler, url)
    return count


# Same answers, and no hop.


@pytest.mark.parametrize("styles", list(itertools.product(DECLARABLE, repeat=3)), ids="-".join)
async def test_every_combination_answers_as_on_stock(styles):
    settings = declare(*names(styles))
    for url in ("/template/bad/", "/nowhere/"):
        await assert_same(scope_for(url), exceptions=True, **settings)
    assert not await crossings(settings, "/broken/")


@pytest.mark.parametrize("style", DECLARABLE)
@pytest.mark.parametrize("outcome", ["raises", "responds", "none"])
async def test_each_hook_at_each_layer(style, outcome):
    for (hook, url), layer in itertools.product(URLS.items(), (0, 2)):
        behaviours = ["", "", ""]
        behaviours[layer] = f"{hook}-{outcome}"
        settings = declare(*names((style,) * 3, behaviours))
        await assert_same(scope_for(url), exceptions=True, **settings)


@pytest.mark.parametrize("style", DECLARABLE)
async def test_beside_middleware_that_is_not_declared(style):
    for other in (*DECLARABLE, *OTHERS):
        for styles in ((style, other, style), (other, style, other)):
            middleware = names(styles)
            undeclared = [
                name for name, is_ in zip(middleware, styles, strict=True) if is_ == other
            ]
            await assert_same(
                scope_for("/"), exceptions=True, **declare(*middleware, but=undeclared)
            )


@pytest.mark.parametrize("styles", [("django",) * 3, ("synconly",) * 3, ("fsync", "django")])
@pytest.mark.parametrize("behaviour", ["", "request-raises", "response-raises"])
async def test_propagated_exceptions_pass_each_layer(styles, behaviour):
    seen = await assert_same(
        scope_for("/broken/"),
        exceptions=True,
        DEBUG_PROPAGATE_EXCEPTIONS=True,
        **declare(*names(styles, ("", behaviour, ""))),
    )
    assert seen.error.startswith("ValueError(")


async def test_neighbours_with_hooks_are_fused():
    handler = build(**declare(*names(("django", "django", "inline"))))
    _, layers, _ = handler._middleware_chain._asynckit_fused
    assert len(layers) == 3


async def test_without_the_declaration_there_are_hops():
    settings = declare(*names(DECLARABLE)) | {"ASYNCKIT_NON_BLOCKING_MIDDLEWARE": []}
    assert (await crossings(settings)).hops >= 4


# What sync middleware may do.


def odd(result):
    def factory(get_response):
        return lambda request: result()

    return factory


returns_none = odd(lambda: None)
returns_a_string = odd(lambda: "a string")
returns_a_coroutine = odd(site.unawaited_coroutine)
returns_a_generator = odd(lambda: (number for number in ()))
never_calls = odd(lambda: HttpResponse("never"))


def never_calls_undeclared(get_response):
    return lambda request: HttpResponse(threading.current_thread().name)


def calls_twice(get_response):
    def middleware(request):
        first, second = get_response(request), get_response(request)
        return HttpResponse(first.content + second.content)

    return middleware


def notes_errors(get_response):
    def middleware(request):
        try:
            return get_response(request)
        except ValueError as error:
            frames = traceback.extract_tb(error.__traceback__)
            calls.append(f"caught in {frames[-1].name}")
            raise

    return middleware


@pytest.mark.parametrize("name", ["returns_none", "returns_a_string", "returns_a_generator"])
async def test_wrong_results_have_djangos_error(name):
    settings = declare(f"{HERE}.{name}", urls=HERE)
    seen = await assert_same(scope_for("/"), **settings)
    assert "has no attribute" in seen.error


async def test_a_coroutine_as_result_has_djangos_error():
    settings = declare(f"{HERE}.returns_a_coroutine", urls=HERE)
    seen = await assert_same(scope_for("/"), **settings)
    assert (
        seen.error == "AttributeError(\"'coroutine' object has no attribute '_resource_closers'\")"
    )
    for coroutine in site.unawaited:
        coroutine.close()


async def test_get_response_may_be_left_out_or_called_twice():
    seen = await assert_same(scope_for("/"), **declare(f"{HERE}.never_calls", urls=HERE))
    assert seen.reply.body == b"never"
    seen = await assert_same(scope_for("/"), **here(calls_twice, notes_errors))
    assert seen.reply.body == b"fine" * 2


async def test_exceptions_come_out_of_get_response_with_their_frames():
    seen = await assert_same(
        scope_for("/broken/"), DEBUG_PROPAGATE_EXCEPTIONS=True, **here(notes_errors, notes_errors)
    )
    assert seen.calls == ["view", "caught in broken", "caught in broken"]


def sets_variable(get_response):
    def middleware(request):
        token = shared.set(f"{shared.get()}>middleware")
        response = get_response(request)
        response["X-After"] = shared.get()
        shared.reset(token)
        response["X-Reset"] = shared.get()
        return response

    return middleware


async def test_context_variables_are_shared_with_what_is_inside_and_outside():
    seen = await assert_same(scope_for("/variable/"), **here(sets_variable))
    headers = dict(seen.reply.headers)
    assert seen.reply.body == b"nothing>middleware"
    assert headers[b"X-After"] == b"nothing>middleware>view"
    assert headers[b"X-Reset"] == b"nothing"


class KeepsVariable:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        before = shared.get()
        shared.set(f"{before}>middleware")
        response = self.get_response(request)
        response[f"X-{request.path.count('/')}-{before.count('>')}"] = shared.get()
        return response


class KeepsVariableToo(KeepsVariable):
    pass


async def test_context_variables_are_those_of_stock():
    seen = await assert_same(scope_for("/variable/"), **here(KeepsVariable, KeepsVariableToo))
    assert seen.reply.body == b"nothing>middleware>middleware"


async def test_requests_do_not_mix():
    settings = here(KeepsVariable, KeepsVariableToo)
    with override_settings(**settings):
        handler = ASGIHandler()
        replies = await asyncio.gather(
            *(drive(handler, f"/wait/?{number}") for number in range(20))
        )
    assert [reply.body for reply in replies] == [f"{n} 0".encode() for n in range(20)]


def tells_thread(get_response):
    def middleware(request):
        response = get_response(request)
        response["X-Thread"] = threading.current_thread().name
        return response

    return middleware


@pytest.mark.parametrize("url", ["/", "/sync/"])
async def test_it_runs_on_the_thread_of_the_event_loop(url):
    with override_settings(**here(tells_thread), ASYNCKIT_SYNC_CHAIN=False):
        reply = await drive(ASGIHandler(), url)
    assert dict(reply.headers)[b"X-Thread"] == threading.current_thread().name.encode()


class Cleans:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        try:
            with contextlib.ExitStack() as stack:
                stack.callback(calls.append, f"{type(self).__name__} closed")
                return self.get_response(request)
        except BaseException as error:
            calls.append(type(error).__name__)
            raise


class CleansToo(Cleans):
    pass


class Swallows(Cleans):
    def __call__(self, request):
        try:
            return super().__call__(request)
        except asyncio.CancelledError:
            return HttpResponse("swallowed")


async def start_waiting(*middleware):
    """Return the task of a request that waits in its view."""
    with override_settings(**here(*middleware)):
        handler = ASGIHandler()
        calls.clear()
        task = asyncio.create_task(drive(handler, "/forever/"))
        async with asyncio.timeout(5):
            while calls != ["waiting"]:
                await asyncio.sleep(0)
    return task


@override_settings(ROOT_URLCONF=HERE)
async def test_a_cancellation_is_raised_in_get_response():
    task = await start_waiting(Cleans, CleansToo)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert calls == ["waiting", "CleansToo closed", "CancelledError", "Cleans closed", "CancelledError"]  # fmt: skip


@override_settings(ROOT_URLCONF=HERE)
async def test_a_cancelled_handler_cleans_up():
    handler = build(**here(Cleans))
    waiting = asyncio.Event()

    async def receive():
        if not waiting.is_set():
            waiting.set()
            return {"type": "http.request", "body": b"", "more_body": False}
        while "waiting" not in calls:
            await asyncio.sleep(0)
        return {"type": "http.disconnect"}

    async def send(message):
        raise AssertionError(message)

    calls.clear()
    await asyncio.create_task(handler(scope_for("/forever/"), receive, send))
    assert calls == ["waiting", "Cleans closed", "CancelledError"]


def test_a_coroutine_that_is_closed_cleans_up():
    async def get_response(request):
        await asyncio.sleep(0)

    suspension = Suspension(get_response, Promise("any"))
    calls.clear()
    coroutine = suspension.run(Cleans(suspension.get_response), None)
    coroutine.send(None)
    coroutine.close()
    assert calls == ["Cleans closed", "GeneratorExit"]


async def test_a_cancellation_may_be_swallowed():
    async def get_response(request):
        await asyncio.Event().wait()

    suspension = Suspension(get_response, Promise("any"))
    task = asyncio.create_task(suspension.run(Swallows(suspension.get_response), None))
    await asyncio.sleep(0)
    task.cancel()
    assert (await task).content == b"swallowed"


async def test_get_response_may_be_called_in_another_thread():
    async def get_response(request):
        return f"response to {request}"

    suspension = Suspension(get_response, Promise("any"))
    assert await asyncio.to_thread(suspension.get_response, "this") == "response to this"
    with pytest.raises(RuntimeError, match="same thread as an async event loop"):
        suspension.get_response("this")


def queries(get_response):
    def middleware(request):
        Session.objects.count()
        return get_response(request)

    return middleware


def awaits(get_response):
    def middleware(request):
        async_to_sync(asyncio.sleep)(0)
        return get_response(request)

    return middleware


@pytest.mark.parametrize(
    ("middleware", "error"),
    [(queries, "SynchronousOnlyOperation"), (awaits, "RuntimeError")],
)
async def test_a_wrong_declaration_fails_loudly(middleware, error):
    with override_settings(**here(middleware)), captured_logs() as records:
        reply = await drive(ASGIHandler())
    assert reply.status == 500
    assert records[0].exc_info[0].__name__ == error


# How it is made.


def makes_async(get_response):
    async def middleware(request):
        return await get_response(request)

    return middleware


def test_an_async_function_of_a_sync_factory_is_refused():
    with (
        override_settings(**here(makes_async)),
        pytest.raises(ImproperlyConfigured, match=f"{HERE}.makes_async made an async middleware"),
    ):
        ASGIHandler()


@pytest.mark.parametrize("handler_class", [DjangoASGIHandler, ASGIHandler], ids=["stock", "ours"])
def test_a_declared_factory_must_return_something(handler_class):
    name = site.name("fnone")
    with (
        override_settings(**declare(name)),
        pytest.raises(ImproperlyConfigured, match=f"Middleware factory {name} returned None."),
    ):
        handler_class()


async def test_unused_middleware_is_left_out():
    middleware = names(("fsync", "unused", "django"))
    seen = await assert_same(scope_for("/"), **declare(*middleware))
    assert seen.calls[:2] == ["a.request", "c.request"]


class Headers(MiddlewareMixin):
    async_capable = False

    def process_response(self, request, response):
        response["X-Thread"] = threading.current_thread().name
        return response


class Subclass(Headers):
    pass


class Wraps(MiddlewareMixin):
    def __init__(self, get_response):
        super().__init__(get_response)

        async def wrapped(request):
            response = await get_response(request)
            response["X-Wrapped"] = "yes"
            return response

        self.get_response = wrapped


class InstanceCall(MiddlewareMixin):
    def __init__(self, get_response):
        super().__init__(get_response)
        self.__acall__ = self.answer

    async def answer(self, request):
        return HttpResponse("own")


class ClassCall(MiddlewareMixin):
    async def __acall__(self, request):
        return HttpResponse("own")


class AsyncHooks(MiddlewareMixin):
    async def process_view(self, request, callback, args, kwargs):
        calls.append("view hook")

    async def process_template_response(self, request, response):
        calls.append("template hook")

    async def process_exception(self, request, exception):
        await asyncio.sleep(0)
        is_expected = isinstance(exception, ValueError) and str(exception) == "view"
        return HttpResponse("async exception hook") if is_expected else None


Renamed = Headers


@pytest.mark.parametrize("declared", ["Headers", "Renamed"])
@pytest.mark.parametrize("used", ["Headers", "Renamed"])
async def test_the_class_counts_not_the_name(declared, used):
    settings = here(Headers) | {
        "MIDDLEWARE": [f"{HERE}.{used}"],
        "ASYNCKIT_NON_BLOCKING_MIDDLEWARE": (f"{HERE}.{declared}",),
    }
    assert not await crossings(settings)


async def test_subclasses_are_not_declared_with_their_base():
    settings = here(Headers) | {"MIDDLEWARE": [f"{HERE}.Subclass"]}
    assert (await crossings(settings)).hops > 1


async def test_a_class_with_a_chain_of_its_own_keeps_it():
    seen = await assert_same(scope_for("/"), **here(Wraps))
    assert (b"X-Wrapped", b"yes") in seen.reply.headers


@pytest.mark.parametrize("middleware", [InstanceCall, ClassCall])
async def test_a_call_of_its_own_is_run(middleware):
    seen = await assert_same(scope_for("/"), **here(middleware))
    assert seen.reply.body == b"own"


@pytest.mark.parametrize("middleware", [tells_thread, Headers])
async def test_above_sync_only_middleware_it_is_in_the_thread_of_that(middleware):
    settings = here(middleware, never_calls_undeclared)
    settings["ASYNCKIT_NON_BLOCKING_MIDDLEWARE"].pop()
    with override_settings(**settings):
        reply = await drive(ASGIHandler())
    assert dict(reply.headers)[b"X-Thread"] == reply.body


async def test_async_hooks_are_awaited():
    settings = here(AsyncHooks)
    seen = await assert_same(scope_for("/broken/"), **settings)
    assert seen.reply.body == b"async exception hook"
    assert seen.calls == ["view hook", "view"]
    assert not await crossings(settings, "/broken/")


async def test_errors_name_the_middleware():
    messages = []
    for handler_class in (DjangoASGIHandler, ASGIHandler):
        with override_settings(**here(AsyncHooks)), captured_logs() as records:
            await drive(handler_class(), "/template/")
        messages.append(str(records[0].exc_info[1]))
    assert messages[0] == messages[1]
    assert messages[1].startswith("AsyncHooks.process_template_response didn't return")


async def test_hooks_may_be_replaced_later(monkeypatch):
    handler = build(**here(Headers))

    def instead(self, request, response):
        return HttpResponse("instead")

    monkeypatch.setattr(Headers, "process_response", instead)
    with override_settings(ROOT_URLCONF=HERE):
        assert (await drive(handler)).body == b"instead"


async def test_async_middleware_is_left_as_it_is():
    settings = declare(*names(("fboth", "inline")))
    await assert_same(scope_for("/"), **settings | {"MIDDLEWARE": names(("fboth", "django"))})
    assert not await crossings(settings)


def test_under_the_sync_test_client():
    with override_settings(**here(KeepsVariable, Headers, calls_twice)):
        response = contextvars.copy_context().run(Client().get, "/")
    assert response.content == b"finefine"


@pytest.fixture
def tracing(monkeypatch):
    """Wrap each middleware class in one that is async if the wrapped one is, as tracing tools do."""
    original = base.import_string

    def traced(name):
        inner = original(name)

        class Traced(MiddlewareMixin):
            async_capable = getattr(inner, "async_capable", False)

            def __init__(self, get_response):
                super().__init__(get_response)
                self.inner = inner(get_response)

            def __call__(self, request):
                calls.append("traced")
                return self.inner(request)

            def __getattr__(self, hook):
                if not hook.startswith("process_"):
                    raise AttributeError(hook)
                return getattr(self.inner, hook)

        return Traced

    monkeypatch.setattr(base, "import_string", traced)


@pytest.mark.usefixtures("tracing")
@pytest.mark.parametrize("style", DECLARABLE)
async def test_wrapped_middleware_is_called_through_its_wrapper(style):
    settings = declare(*names((style, style)))
    seen = await assert_same(scope_for("/broken/"), exceptions=True, **settings)
    assert seen.calls.count("traced") == 2
    assert not await crossings(settings, "/broken/")


# Without greenlet.


@pytest.fixture
def no_greenlet(monkeypatch):
    monkeypatch.setitem(sys.modules, "greenlet", None)


@pytest.mark.usefixtures("no_greenlet")
@pytest.mark.parametrize("style", ["synconly", "fsync"])
async def test_sync_middleware_runs_as_on_stock_and_says_why(style):
    middleware = names((style,))
    settings = declare(*middleware)
    with captured_logs("django_asynckit") as records:
        await assert_same(scope_for("/"), **settings)
    [record] = records
    assert record.levelname == "WARNING"
    assert record.getMessage().startswith(f"{middleware[0]} is declared in")
    assert "pip install 'django-asynckit[greenlet]'" in record.getMessage()
    with captured_logs("django_asynckit"):
        declared = await crossings(settings)
    undeclared = await crossings(settings | {"ASYNCKIT_NON_BLOCKING_MIDDLEWARE": []})
    assert declared == undeclared


@pytest.mark.usefixtures("no_greenlet")
async def test_hooks_need_no_greenlet():
    settings = declare(*names(("django",) * 3))
    await assert_same(scope_for("/template/"), exceptions=True, **settings)
    assert not await crossings(settings)


# The site of these tests.


async def reads_variable(request):
    before = shared.get()
    shared.set(f"{before}>view")
    return HttpResponse(before)


async def waits(request):
    number = request.META["QUERY_STRING"]
    shared.set(number)
    for _ in range(int(number) % 7):
        await asyncio.sleep(0)
    return HttpResponse(f"{shared.get()} {number.count('>')}")


async def waits_forever(request):
    calls.append("waiting")
    await asyncio.Event().wait()


urlpatterns = [
    *site.urlpatterns,
    path("variable/", reads_variable),
    path("wait/", waits),
    path("forever/", waits_forever),
]
