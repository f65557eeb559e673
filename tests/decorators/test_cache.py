"""``cache_page()`` on async views: Django's answers, without blocking the event loop."""

from __future__ import annotations

import itertools

import pytest
from django.core.cache import caches as django_caches
from django.http import HttpResponse, JsonResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.views.decorators import cache as djangos

from django_asynckit.decorators import cache, method_decorator
from django_asynckit.middleware import non_blocking
from tests.decorators import tools
from tests.middleware import caches as backends
from tests.middleware.cached_site import DUMMY, LOCMEM, OURS

BACKENDS = [LOCMEM, DUMMY, *(f"{OURS}.{name}" for name in ("SyncCache", "BothCache"))]
_runs = itertools.count()


def restart():
    global _runs
    _runs = itertools.count()
    backends.forget()
    for used in django_caches.all():
        used.clear()


def respond(request):
    response = HttpResponse(f"run {next(_runs)}", status=int(request.GET.get("status", "200")))
    for name, value in request.GET.items():
        response.headers[name] = value
    return response


async def page(request):
    return respond(request)


def sync_page(request):
    return respond(request)


def template_of(request):
    code = engines["django"].from_string("{{ request.path }} {{ run }}")
    return TemplateResponse(request, code, {"run": next(_runs)})


async def template(request):
    return template_of(request)


def sync_template(request):
    return template_of(request)


async def rendered(request):
    response = template_of(request)
    response.content = f"run {next(_runs)}"
    return response


def sync_rendered(request):
    response = template_of(request)
    response.content = f"run {next(_runs)}"
    return response


PAGES = {
    "page": (page, sync_page),
    "template": (template, sync_template),
    "rendered": (rendered, sync_rendered),
}
REQUESTS = [
    ("/", {}),
    ("/", {}),
    ("/", {"method": "HEAD"}),
    ("/", {"method": "POST"}),
    ("/?status=404", {}),
    ("/?status=404", {}),
    ("/?Cache-Control=private", {}),
    ("/?Cache-Control=private", {}),
    ("/?Cache-Control=max-age%3D9", {}),
    ("/?Vary=X-Who", {"headers": {"x-who": "a"}}),
    ("/?Vary=X-Who", {"headers": {"x-who": "b"}}),
    ("/?Vary=X-Who", {"headers": {"x-who": "a"}}),
    ("/other/", {"method": "HEAD"}),
    ("/other/", {"method": "HEAD"}),
    ("/other/", {}),
]


def settings_for(backend):
    return {
        "CACHES": {
            "default": {"BACKEND": backend},
            "other": {"BACKEND": LOCMEM, "LOCATION": "other"},
        }
    }


@pytest.mark.parametrize(
    ("backend", "kind", "arguments"),
    [
        *((backend, kind, {}) for backend in BACKENDS for kind in PAGES),
        (LOCMEM, "page", {"cache": "other"}),
        (LOCMEM, "template", {"key_prefix": "site"}),
    ],
)
async def test_answers_are_those_of_djangos_on_a_sync_view(backend, kind, arguments):
    ours, stock = PAGES[kind]
    with tools.site(ours, **settings_for(backend)):
        await tools.assert_same(
            cache.cache_page(100, **arguments)(ours),
            djangos.cache_page(100, **arguments)(stock),
            REQUESTS,
            before=restart,
            **settings_for(backend),
        )


@pytest.mark.parametrize("timeout", [0, None, 5])
async def test_timeouts_are_djangos(timeout):
    await tools.assert_same(
        cache.cache_page(timeout)(page),
        djangos.cache_page(timeout)(sync_page),
        [("/", {}), ("/", {})],
        before=restart,
        **settings_for(f"{OURS}.SyncCache"),
    )


@pytest.mark.parametrize(
    ("backend", "first", "second", "calls"),
    [
        (LOCMEM, [], [], set()),
        (DUMMY, [], [], set()),
        ("SyncCache", ["process_request", "_store_now"], ["process_request"], {"get", "set"}),
        ("BothCache", [], [], {"aget", "aset"}),
        ("AsyncCache", [], [], {"aget", "aset"}),
        ("AsyncUnderSyncNames", [], [], {"async get", "async set"}),
        (
            "GetOverridden",
            ["process_request"],
            ["process_request"],
            {"overridden get", "get", "aset"},
        ),
        ("SetOverridden", ["_store_now"], [], {"aget", "overridden set", "set"}),
    ],
)
async def test_hops_and_what_runs_where(backend, first, second, calls):
    backend = backend if "." in backend else f"{OURS}.{backend}"
    view = cache.cache_page(100)(page)
    with tools.site(view, **settings_for(backend)):
        assert await tools.hops_of(view, warm=0) == first
        assert await tools.hops_of(view, warm=0) == (first if backend == DUMMY else second)
    if backend not in (LOCMEM, DUMMY):
        assert set(backends.names()) == calls
        assert all(on_loop is name.startswith("a") for name, on_loop in backends.calls)


@pytest.mark.parametrize("name", ["SyncCache", "BothCache", "AsyncCache", "AsyncUnderSyncNames"])
async def test_a_template_response_is_stored_where_it_is_rendered(name):
    view = cache.cache_page(100)(template)
    requests = [("/", {})] * 2
    restart_runs = next(_runs)
    first, second = await tools.ask(view, requests, **settings_for(f"{OURS}.{name}"))
    assert first.body == second.body == f"/ {restart_runs + 1}".encode()
    stored = [on_loop for name, on_loop in backends.calls if name.endswith("set")]
    # What threads cannot call is awaited on the event loop.
    assert set(stored) == {name.startswith("Async")}


async def test_storing_a_template_response_makes_no_hop_beside_rendering():
    view = cache.cache_page(100)(template)
    with tools.site(view, **settings_for(f"{OURS}.BothCache")):
        assert await tools.hops_of(view, warm=0) == ["render"]


class Marked(TemplateResponse):
    """Renders on the event loop."""

    @non_blocking
    def render(self):
        return super().render()


async def test_a_marked_template_response_is_not_rendered_on_the_loop_if_it_is_to_be_stored():
    async def view(request):
        return Marked(request, engines["django"].from_string("text"))

    decorated = cache.cache_page(100)(view)
    with tools.site(view, **settings_for(f"{OURS}.SyncCache")):
        assert await tools.hops_of(view) == []
    with tools.site(decorated, **settings_for(f"{OURS}.SyncCache")):
        assert await tools.hops_of(decorated, warm=0) == ["process_request", "render"]
    assert backends.on_loop() == {False}


async def test_on_djangos_handler_the_loop_is_not_blocked_either():
    view = cache.cache_page(100)(page)
    replies = await tools.ask(
        view,
        [("/", {})] * 2,
        handler=tools.DjangoASGIHandler,
        **settings_for(f"{OURS}.SyncCache"),
    )
    assert replies[0].body == replies[1].body
    assert backends.on_loop() == {False}


@pytest.mark.usefixtures("in_process_database")
async def test_a_database_cache_works_where_djangos_raises():
    from django.core.management import call_command

    name = "decorated_pages"
    backend = {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": name}
    with tools.site(page, CACHES={"default": backend}):
        await tools.in_thread(lambda: call_command("createcachetable", name, verbosity=0))
        await tools.in_thread(django_caches["default"].clear)
        ours = await tools.ask(cache.cache_page(100)(page), [("/", {})] * 2)
        (stock,) = await tools.ask(djangos.cache_page(100)(page), [("/new/", {})])
    assert [reply.status for reply in ours] == [200, 200]
    assert ours[0].body == ours[1].body
    assert stock.status == 500


async def test_other_decorators_and_class_based_views_are_cached_too():
    from django.views import View

    @method_decorator(cache.cache_page(100), name="dispatch")
    class Json(View):
        async def get(self, request):
            return JsonResponse({"run": next(_runs)})

    replies = await tools.ask(
        cache.never_cache(Json.as_view()), [("/", {})] * 2, **settings_for(f"{OURS}.BothCache")
    )
    assert replies[0].body == replies[1].body
    assert b"no-store" in dict(replies[0].headers)[b"Cache-Control"]
