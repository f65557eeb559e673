"""A site behind the cache middleware; each answer says how often a view ran."""

from __future__ import annotations

import asyncio
import itertools
import re
import time

from django.core.cache import caches
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler
from django.http import (
    Http404,
    HttpResponse,
    HttpResponseNotModified,
    JsonResponse,
    StreamingHttpResponse,
)
from django.template import engines
from django.template.response import TemplateResponse
from django.test import override_settings
from django.urls import path
from django.utils import timezone, translation

from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.trace import record_hops
from tests.driver import drive, plain_root_logger
from tests.middleware.caches import Lazy

_runs = itertools.count()


def restart():
    global _runs
    _runs = itertools.count(1)


async def page(request):
    """Answer with the headers that the query asks for."""
    response = HttpResponse(f"run {next(_runs)}", status=int(request.GET.get("status", "200")))
    for name, value in request.GET.items():
        if name == "cookie":
            response.set_cookie("seen", value)
        elif name != "status":
            response.headers[name] = value
    return response


def sync_page(request):
    return HttpResponse(f"sync run {next(_runs)}")


def template(request):
    code = engines["django"].from_string("{{ request.path }} {{ run }}")
    return TemplateResponse(request, code, {"run": next(_runs)})


async def json(request):
    return JsonResponse({"run": next(_runs)})


async def stream(request):
    async def chunks():
        yield f"run {next(_runs)}"

    return StreamingHttpResponse(chunks())


async def not_modified(request):
    return HttpResponseNotModified()


async def missing(request):
    raise Http404


async def broken(request):
    raise ValueError("broken")


async def lazy(request):
    response = HttpResponse(f"run {next(_runs)}")
    response.lazy = Lazy()
    return response


async def german(request):
    translation.activate("de")
    timezone.activate("Europe/Berlin")
    return HttpResponse(f"run {next(_runs)}")


async def undecided(request):
    response = HttpResponse(f"run {next(_runs)}")
    del request._cache_update_cache
    return response


urlpatterns = [
    path("", page),
    path("sync/", sync_page),
    path("template/", template),
    path("json/", json),
    path("stream/", stream),
    path("304/", not_modified),
    path("missing/", missing),
    path("broken/", broken),
    path("lazy/", lazy),
    path("german/", german),
    path("undecided/", undecided),
]

OURS = "tests.middleware.caches"
LOCMEM = "django.core.cache.backends.locmem.LocMemCache"
DUMMY = "django.core.cache.backends.dummy.DummyCache"
TWO = [
    "django.middleware.cache.UpdateCacheMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.cache.FetchFromCacheMiddleware",
]
ONE = ["django.middleware.cache.CacheMiddleware"]

#: Each is ``(path, method, headers)``.
FLOWS = {
    "hit": [("/",), ("/",), ("/?X-A=1",), ("/",)],
    "HEAD after GET": [("/",), ("/", "HEAD"), ("/",)],
    "HEAD first": [("/", "HEAD"), ("/", "HEAD"), ("/",), ("/", "HEAD")],
    "POST": [("/", "POST"), ("/", "POST"), ("/",), ("/", "POST")],
    "Vary": [
        ("/?Vary=X-Who", "GET", {"x-who": "a"}),
        ("/?Vary=X-Who", "GET", {"x-who": "b"}),
        ("/?Vary=X-Who", "GET", {"x-who": "a"}),
        ("/?Vary=X-Who", "GET", {"x-who": ""}),
        ("/?Vary=X-Who",),
        ("/?Vary=X-Who", "HEAD", {"x-who": "b"}),
        ("/?Vary=X-Who", "HEAD", {"x-who": "c"}),
    ],
    "Vary: *": [("/?Vary=*",), ("/?Vary=*",)],
    "Vary: Cookie": [
        ("/?Vary=Cookie",),
        ("/?Vary=Cookie", "GET", {"cookie": "a=1"}),
        ("/?Vary=Cookie",),
        ("/?Vary=Cookie&cookie=1",),
        ("/?Vary=Cookie&cookie=1",),
        ("/?cookie=1",),
        ("/?cookie=1",),
    ],
    "Cache-Control": [
        url
        for value in (
            "private",
            "no-cache",
            "no-store",
            "max-age%3D0",
            "max-age%3D100",
            "public",
            'private%3D"X"',
        )
        for url in [(f"/?Cache-Control={value}",)] * 2
    ],
    "Expires": [("/?Expires=Wed,+21+Oct+2099+07:28:00+GMT",)] * 2,
    "Authorization": [
        ("/?Cache-Control=public", "GET", {"authorization": "Basic a"}),
        ("/?Cache-Control=public", "GET", {"authorization": "Basic b"}),
        ("/", "GET", {"authorization": "Basic a"}),
        ("/", "GET", {"authorization": "Basic b"}),
        ("/", "GET", {"authorization": "Basic a"}),
        ("/",),
    ],
    "statuses": [(f"/?status={status}",) for status in (201, 201, 203, 404, 404, 500, 500)],
    "other views": [
        (url,)
        for url in (
            "/sync/",
            "/template/",
            "/json/",
            "/stream/",
            "/304/",
            "/missing/",
            "/nowhere",
            "/broken/",
            "/german/",
            "/undecided/",
        )
        for _ in range(3)
    ],
}


async def answers(handler_class, flow):
    """Run a flow on a new handler with empty caches; return the answers and what is cached then."""
    await asyncio.to_thread(caches["default"].clear)
    restart()
    application = handler_class()
    return [await answer(application, *step) for step in flow]


async def answer(application, url, method="GET", headers=None):
    reply = await drive(application, url, method=method, headers=headers)
    shown = [(name, _hidden(value.decode())) for name, value in reply.headers]
    return reply.status, shown, reply.body


async def both(flow):
    """Return what stock Django and what we answer."""
    return await answers(DjangoASGIHandler, flow), await answers(ASGIHandler, flow)


def _hidden(value):
    """Hide the time of a header; one that is far away stays."""
    value = re.sub(rf"\w{{3}}, \d\d \w{{3}} {time.gmtime().tm_year} .* GMT", "<date>", value)
    return "<age>" if value in ("0", "1", "2") else value


def site(backend=LOCMEM, middleware=TWO, *, options=None, **settings):
    return override_settings(
        ROOT_URLCONF="tests.middleware.cached_site",
        MIDDLEWARE=middleware,
        CACHES={"default": {"BACKEND": backend, **(options or {})}},
        **settings,
    )


async def hops_of(application, url="/", method="GET"):
    """Return the answer and the hops, but for the one that closes what a thread has opened."""
    with record_hops() as trace, plain_root_logger():
        reply = await drive(application, url, method=method)
    targets = [hop.target.rpartition(".")[2] for hop in trace.hops]
    return reply, [target for target in targets if target != "close"]
