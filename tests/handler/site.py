"""Views, and middleware of every style that is made when its name is imported."""

from __future__ import annotations

import asyncio

from django.core.exceptions import MiddlewareNotUsed, PermissionDenied
from django.http import HttpResponse, StreamingHttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone, translation
from django.utils.decorators import sync_and_async_middleware
from django.views.decorators.csrf import csrf_exempt

from django_asynckit._compat import MiddlewareMixin
from django_asynckit.middleware import AsyncMiddlewareMixin, non_blocking
from tests.handler.tools import calls


def act(middleware, hook, default=None, request=None):
    """Note the call, and then misbehave if that is what this middleware is for."""
    calls.append(f"{middleware.label}.{hook}")
    what = f"{middleware.label} {hook}"
    behaviour = middleware.behaviour
    if behaviour == f"{hook}-raises":
        raise ValueError(what)
    if behaviour == f"{hook}-denies":
        raise PermissionDenied(what)
    answers = {
        f"{hook}-responds": HttpResponse(what),
        f"{hook}-falsy": "",
        f"{hook}-none": None,
    }
    return answers.get(behaviour, default)


class Django(MiddlewareMixin):
    def process_request(self, request):
        return act(self, "request")

    def process_view(self, request, callback, args, kwargs):
        return act(self, "view")

    def process_template_response(self, request, response):
        return act(self, "template", response)

    def process_response(self, request, response):
        return act(self, "response", response)

    def process_exception(self, request, exception):
        return act(self, "exception")


class Inline(AsyncMiddlewareMixin):
    @non_blocking
    def process_request(self, request):
        return act(self, "request")

    @non_blocking
    def process_view(self, request, callback, args, kwargs):
        return act(self, "view")

    @non_blocking
    def process_template_response(self, request, response):
        return act(self, "template", response)

    @non_blocking
    def process_response(self, request, response):
        return act(self, "response", response)

    @non_blocking
    def process_exception(self, request, exception):
        return act(self, "exception")


class Hop(AsyncMiddlewareMixin):
    process_request = Django.process_request
    process_view = Django.process_view
    process_template_response = Django.process_template_response
    process_response = Django.process_response
    process_exception = Django.process_exception


class Twin(AsyncMiddlewareMixin):
    async def aprocess_request(self, request):
        await asyncio.sleep(0)
        return act(self, "request")

    async def aprocess_view(self, request, callback, args, kwargs):
        await asyncio.sleep(0)
        return act(self, "view")

    async def aprocess_template_response(self, request, response):
        await asyncio.sleep(0)
        return act(self, "template", response)

    async def aprocess_response(self, request, response):
        await asyncio.sleep(0)
        return act(self, "response", response)

    async def aprocess_exception(self, request, exception):
        await asyncio.sleep(0)
        return act(self, "exception")


class TwinBesideSync(Hop, Twin):
    aprocess_request = Twin.aprocess_request
    aprocess_view = Twin.aprocess_view
    aprocess_template_response = Twin.aprocess_template_response
    aprocess_response = Twin.aprocess_response
    aprocess_exception = Twin.aprocess_exception


class OwnAcall(Inline):
    async def __acall__(self, request):
        calls.append(f"{self.label}.acall")
        return await super().__acall__(request)


class OwnCall(Inline):
    def __call__(self, request):
        calls.append(f"{self.label}.call")
        return super().__call__(request)


class Empty(AsyncMiddlewareMixin):
    """No hook at all."""


class SyncOnly:
    sync_capable = True
    async_capable = False

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = act(self, "request") or self.get_response(request)
        return act(self, "response", response)

    def process_view(self, request, callback, args, kwargs):
        return act(self, "view")

    def process_template_response(self, request, response):
        return act(self, "template", response)

    def process_exception(self, request, exception):
        return act(self, "exception")


class Unused:
    def __init__(self, get_response):
        raise MiddlewareNotUsed


class _Named:
    def __init__(self, label, behaviour):
        self.label, self.behaviour = label, behaviour


def sync_function(label, behaviour):
    named = _Named(label, behaviour)

    def factory(get_response):
        def middleware(request):
            return act(named, "response", act(named, "request") or get_response(request))

        return middleware

    return factory


def async_function(label, behaviour):
    named = _Named(label, behaviour)

    def factory(get_response):
        async def middleware(request):
            return act(named, "response", act(named, "request") or await get_response(request))

        return middleware

    factory.sync_capable, factory.async_capable = False, True
    return factory


def both_function(label, behaviour):
    sync, anything = sync_function(label, behaviour), async_function(label, behaviour)

    @sync_and_async_middleware
    def factory(get_response):
        return (anything if asyncio.iscoroutinefunction(get_response) else sync)(get_response)

    return factory


def none_function(label, behaviour):
    return lambda get_response: None


CLASSES = {
    "django": Django,
    "inline": Inline,
    "hop": Hop,
    "twin": Twin,
    "twinsync": TwinBesideSync,
    "acall": OwnAcall,
    "call": OwnCall,
    "empty": Empty,
    "synconly": SyncOnly,
    "unused": Unused,
}
FUNCTIONS = {
    "fsync": sync_function,
    "fasync": async_function,
    "fboth": both_function,
    "fnone": none_function,
}


def name(style, label="m", behaviour=""):
    """Return the dotted path of a middleware of that style."""
    return f"{__name__}.made__{style}__{label}__{behaviour}"


def __getattr__(attribute):
    if not attribute.startswith("made__"):
        raise AttributeError(attribute)
    _, style, label, behaviour = attribute.split("__")
    if style in FUNCTIONS:
        made = FUNCTIONS[style](label, behaviour)
    else:
        made = type(attribute, (CLASSES[style],), {"label": label, "behaviour": behaviour})
    globals()[attribute] = made
    return made


async def fine(request):
    calls.append("view")
    return HttpResponse("fine")


def fine_sync(request):
    calls.append("view")
    return HttpResponse("fine")


async def broken(request):
    calls.append("view")
    raise ValueError("view")


def broken_sync(request):
    raise ValueError("view")


async def returns_none(request):
    return None


#: Coroutines that views made and nobody may await.
unawaited = []


def unawaited_coroutine():
    unawaited.append(asyncio.sleep(0))
    return unawaited[-1]


def returns_coroutine(request):
    return unawaited_coroutine()


async def renders(request):
    return TemplateResponse(request, engines["django"].from_string("rendered {{ n }}"), {"n": 1})


async def renders_badly(request):
    return TemplateResponse(request, "there-is-no-such-template.html", {})


def renders_sync(request):
    return TemplateResponse(request, engines["django"].from_string("rendered {{ n }}"), {"n": 1})


def renders_badly_sync(request):
    return TemplateResponse(request, "there-is-no-such-template.html", {})


async def renders_asynchronously(request):
    class Response(HttpResponse):
        async def render(self):
            calls.append("render")
            return self

    return Response("async render")


async def renders_inline(request):
    class Response(HttpResponse):
        @non_blocking
        def render(self):
            calls.append("render")
            return self

    return Response("inline render")


async def renders_to_a_coroutine(request):
    class Response(HttpResponse):
        def render(self):
            return unawaited_coroutine()

    return Response("never seen")


async def language(request):
    before = f"{translation.get_language()} {timezone.get_current_timezone_name()}"
    translation.activate("de")
    timezone.activate("UTC")
    return HttpResponse(before)


@csrf_exempt
def echo(request):
    parts = [request.body.decode("latin1"), repr(sorted(request.POST.lists()))]
    return HttpResponse("|".join(parts))


@csrf_exempt
def files_sync(request):
    parts = [f"{key}={file.name}:{file.read().decode()}" for key, file in request.FILES.items()]
    return HttpResponse("|".join([*parts, repr(sorted(request.POST.lists()))]))


async def stream(request):
    async def chunks():
        for number in range(3):
            yield f"{number}"
            await asyncio.sleep(0)

    return StreamingHttpResponse(chunks())


urlpatterns = [
    path("", fine),
    path("sync/", fine_sync),
    path("broken/", broken),
    path("broken/sync/", broken_sync),
    path("none/", returns_none),
    path("coroutine/", returns_coroutine),
    path("template/", renders),
    path("template/bad/", renders_badly),
    path("template/sync/", renders_sync),
    path("template/bad/sync/", renders_badly_sync),
    path("template/async/", renders_asynchronously),
    path("template/inline/", renders_inline),
    path("template/coroutine/", renders_to_a_coroutine),
    path("language/", language),
    path("echo/", echo),
    path("files/sync/", files_sync),
    path("stream/", stream),
]
