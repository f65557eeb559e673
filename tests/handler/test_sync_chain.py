"""Requests to sync views in one hop: the same answers, calls, signals and logs as on Django's handler."""

from __future__ import annotations

import io
import itertools
import logging
import threading

import pytest
from django.contrib.auth.middleware import RemoteUserMiddleware
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers import base
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler
from django.core.handlers.asgi import ASGIRequest
from django.core.signals import request_finished
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.template import Template
from django.template.response import SimpleTemplateResponse
from django.test import override_settings
from django.urls import path, register_converter
from django.urls.converters import StringConverter
from django.utils import translation
from django.utils.deprecation import MiddlewareMixin

from django_asynckit.handler import sync_chain
from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.handler.sync_chain import SyncChain
from django_asynckit.middleware import AsyncMiddlewareMixin
from django_asynckit.test import AsyncClient, Client
from django_asynckit.trace import record_hops
from django_asynckit.workers.context import current_lease
from tests import settings as project
from tests.driver import drive, plain_root_logger, scope_for
from tests.handler.test_chain import assert_like_djangos
from tests.handler.tools import assert_same, captured_logs
from tests.workers.tools import until_idle

pytestmark = pytest.mark.usefixtures("_sync_chain")
STYLES = ("django", "inline", "hop", "twinsync", "empty", "fsync", "fboth", "synconly")
#: Paths of the site of these tests with views of each kind.
PATHS = ("/", "/sync/", "/template/sync/", "/template/bad/sync/", "/broken/sync/", "/nowhere/")


@pytest.fixture
def _sync_chain():
    with override_settings(ASYNCKIT_SYNC_CHAIN=True):
        yield


@pytest.mark.parametrize("path", PATHS)
async def test_every_pair_of_styles(path):
    for styles in itertools.product(STYLES, repeat=2):
        await assert_like_djangos(styles, path=path)


@pytest.mark.parametrize("outcome", ["raises", "responds", "denies", "falsy", "none"])
async def test_each_hook_at_each_layer(outcome):
    places = [
        ("request", "/sync/"),
        ("view", "/sync/"),
        ("response", "/sync/"),
        ("template", "/template/sync/"),
        ("exception", "/broken/sync/"),
        ("exception", "/template/bad/sync/"),
    ]
    for (hook, where), layer in itertools.product(places, (0, 2)):
        behaviours = ["", "", ""]
        behaviours[layer] = f"{hook}-{outcome}"
        await assert_like_djangos(("hop", "synconly", "inline"), behaviours, where)


def urlconf(patterns):
    return type("Urls", (), {"urlpatterns": patterns})


async def hops_of(url, *, method="GET", middleware=(), urls=None, **settings):
    names = {"MIDDLEWARE": [*project.MIDDLEWARE, *middleware], **settings}
    if urls is not None:
        names["ROOT_URLCONF"] = urlconf(urls)
    with override_settings(**names), plain_root_logger():
        handler = ASGIHandler()
        await drive(handler, url, method=method)
        with record_hops() as trace:
            reply = await drive(handler, url, method=method)
    return reply, len(trace.hops)


def sync_only(get_response):
    def middleware(request):
        request.thread = threading.current_thread()
        return get_response(request)

    return middleware


def in_its_thread(request):
    assert request.thread is threading.current_thread()
    return HttpResponse(b"sync")


async def of_loop(request):
    return HttpResponse(b"async")


def streamed(request):
    return StreamingHttpResponse(iter([b"a", b"b"]))


def fails(request):
    raise ValueError("of the view")


MIXED = [
    path("", in_its_thread),
    path("async/", of_loop),
    path("stream/", streamed),
    path("file/", lambda request: FileResponse(open(__file__, "rb"))),  # noqa: SIM115
    path("fails/", fails),
]
SYNC_ONLY = f"{__name__}.sync_only"


@pytest.mark.parametrize("url", ["/", "/fails/", "/nowhere/"])
async def test_one_hop_whatever_middleware_there_is(url):
    _, hops = await hops_of(url, middleware=[SYNC_ONLY] * 3, urls=MIXED)
    assert hops == 1


async def test_without_it_each_layer_hops():
    _, hops = await hops_of("/", middleware=[SYNC_ONLY] * 3, urls=MIXED, ASYNCKIT_SYNC_CHAIN=False)
    assert hops > 1


async def test_async_views_are_as_ever():
    reply, hops = await hops_of("/async/", urls=MIXED)
    assert (reply.body, hops) == (b"async", 0)


async def test_what_belongs_to_no_view_stays_on_the_loop_where_no_middleware_waits():
    reply, hops = await hops_of("/nowhere/", urls=MIXED)
    assert (reply.status, hops) == (404, 0)


@pytest.mark.parametrize("url", ["/fails/", "/nowhere/", "/async/"])
@pytest.mark.parametrize("middleware", [[], [SYNC_ONLY]], ids=["none", "sync-only"])
async def test_answers_are_djangos(url, middleware):
    urls = urlconf(MIXED)
    await assert_same(scope_for(url), ROOT_URLCONF=urls, MIDDLEWARE=middleware, exceptions=True)


async def of_status(request, status):
    return HttpResponse(b"async", status=status)


@pytest.mark.parametrize("status", [399, 400, 401])
async def test_what_is_logged_of_an_async_view_is_what_django_logs(status):
    urls = urlconf([path("<int:status>/", of_status)])
    seen = await assert_same(scope_for(f"/{status}/"), ROOT_URLCONF=urls, MIDDLEWARE=[])
    assert len(seen.logs) == (status >= 400)


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
@pytest.mark.parametrize("url", ["/stream/", "/file/"])
@pytest.mark.parametrize("middleware", [[], [SYNC_ONLY]], ids=["none", "sync-only"])
async def test_streams_are_sent(url, middleware):
    with override_settings(ROOT_URLCONF=urlconf(MIXED), MIDDLEWARE=middleware):
        ours = await drive(ASGIHandler(), url)
        stock = await drive(DjangoASGIHandler(), url)
    assert (ours.status, ours.headers, ours.body) == (stock.status, stock.headers, stock.body)


def with_urlconf(get_response):
    """Choose another URLconf, as django-hosts does."""

    def middleware(request):
        request.urlconf = OTHER
        return get_response(request)

    return middleware


def with_language(get_response):
    def middleware(request):
        with translation.override("de"):
            return get_response(request)

    return middleware


OTHER = urlconf([path("", of_loop), path("async/", lambda r: HttpResponse(b"other"))])


@pytest.mark.parametrize("url", ["/", "/async/", "/stream/"])
async def test_a_guess_that_middleware_makes_wrong_is_answered_right(url):
    await assert_same(
        scope_for(url),
        ROOT_URLCONF=urlconf(MIXED),
        MIDDLEWARE=[f"{__name__}.with_urlconf"],
    )


class Counting(StringConverter):
    count = 0

    def to_python(self, value):
        type(self).count += 1
        if value == "raises":
            raise OSError("of the converter")
        return f"{value} in {translation.get_language()}"


async def of_value(request, value):
    return HttpResponse(value)


register_converter(Counting, "counting")
CONVERTED = [
    path("sync/<counting:value>/", lambda request, value: HttpResponse(value)),
    path("async/<counting:value>/", of_value),
]


@pytest.mark.parametrize("url", ["/sync/a/", "/async/a/"])
async def test_a_path_is_resolved_once(url):
    Counting.count = 0
    with override_settings(ROOT_URLCONF=urlconf(CONVERTED), MIDDLEWARE=[]):
        assert (await drive(ASGIHandler(), url)).body == b"a in en-us"
    assert Counting.count == 1


@pytest.mark.parametrize("url", ["/sync/a/", "/async/a/", "/sync/raises/"])
@override_settings(LANGUAGE_CODE="fr")  # In tests, Django keeps the language elsewhere from now on.
async def test_it_is_resolved_again_where_the_language_has_changed(url):
    seen = await assert_same(
        scope_for(url),
        ROOT_URLCONF=urlconf(CONVERTED),
        MIDDLEWARE=[f"{__name__}.with_language"],
    )
    assert seen.reply.status == 500 or seen.reply.body == b"a in de"


made = []


def counted(get_response):
    made.append(get_response)
    if len(made) > 1 and counted.fails:
        raise ValueError("Duplicated timeseries")
    return lambda request: get_response(request)


@pytest.fixture
def _counted():
    made.clear()
    counted.fails = False


@pytest.mark.usefixtures("_counted")
async def test_the_second_chain_is_made_when_it_is_needed():
    with override_settings(ROOT_URLCONF=urlconf(MIXED), MIDDLEWARE=[f"{__name__}.counted"]):
        handler = ASGIHandler()
        await drive(handler, "/async/")
        assert len(made) == 1
        for _ in range(2):
            assert (await drive(handler, "/stream/")).body == b"ab"
        assert len(made) == 2


@pytest.mark.usefixtures("_counted")
async def test_a_middleware_that_cannot_be_made_twice_keeps_one_chain():
    counted.fails = True
    with override_settings(ROOT_URLCONF=urlconf(MIXED), MIDDLEWARE=[f"{__name__}.counted"]):
        handler = ASGIHandler()
        with captured_logs("django_asynckit") as records:
            for _ in range(2):
                assert (await drive(handler, "/stream/")).body == b"ab"
    (record,) = records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith(f"{__name__}.counted cannot be made twice")
    assert len(made) == 2


async def test_a_second_request_waits_while_the_chain_is_made():
    chain = SyncChain(takes_unknown=False)
    chain.load_middleware()
    chain._make()
    assert not chain.is_broken


def async_only(get_response):
    async def middleware(request):
        return await get_response(request)

    return middleware


def undeclared(get_response):
    return async_only(get_response)


async_only.sync_capable, async_only.async_capable = False, True
undeclared.async_capable = True


class Called:
    async_capable = True

    def __init__(self, get_response):
        self.get_response = get_response

    async def __call__(self, request):
        response = await self.get_response(request)
        response["X-Called"] = "async"
        return response


class AsyncOverride(MiddlewareMixin):
    async def __acall__(self, request):
        response = await super().__acall__(request)
        response["X-Called"] = "async"
        return response


class SyncOverride(AsyncOverride):
    """Its async code never runs, on Django's handler neither."""

    async_capable = False


class TwinOverride(AsyncMiddlewareMixin):
    async def aprocess_response(self, request, response):
        response["X-Called"] = "async"
        return response


class AsyncHook(MiddlewareMixin):
    async def process_view(self, request, *args):
        request.seen = True


class Both(AsyncMiddlewareMixin):
    """Its ways are equally near; what has no sync twin is no hook."""

    def process_request(self, request):
        request.seen = True

    async def aprocess_request(self, request):
        request.seen = True

    async def about(self):
        """Not the twin of anything."""


class NearerInSyncMode(Both):
    def process_request(self, request):
        request.seen = True


class AtItsEnd(Both):
    """Found only when it is made: the hook is set on the instance."""

    def __init__(self, get_response):
        super().__init__(get_response)
        self.process_template_response = of_template


async def of_template(request, response):
    return response


#: What answers otherwise, or not at all, around a sync chain.
ONE_CHAIN = ("async_only", "undeclared", "Called", "AsyncOverride", "TwinOverride", "AsyncHook")
BOTH_CHAINS = ("Both", "NearerInSyncMode", "SyncOverride")


@pytest.mark.parametrize("name", [*ONE_CHAIN, "AtItsEnd", *BOTH_CHAINS])
@pytest.mark.parametrize("url", ["/fails/", "/nowhere/", "/async/", "/template/"])
async def test_answers_are_djangos_whatever_differs_between_the_modes(name, url):
    rendered = path("template/", lambda request: SimpleTemplateResponse(Template("sync")))
    await assert_same(
        scope_for(url),
        ROOT_URLCONF=urlconf([*MIXED, rendered]),
        MIDDLEWARE=[f"{__name__}.{name}"],
        exceptions=True,
    )


@pytest.mark.parametrize("name", [name for name in ONE_CHAIN if name != "undeclared"])
def test_middleware_that_answers_otherwise_in_sync_mode_keeps_one_chain(name):
    with override_settings(MIDDLEWARE=[f"{__name__}.{name}"]):
        assert ASGIHandler()._sync_chain is None


@pytest.mark.parametrize("name", ["undeclared", "AtItsEnd"])
async def test_what_shows_only_when_it_is_made_keeps_one_chain(name):
    urls, middleware = urlconf(MIXED), [f"{__name__}.{name}"]
    with (
        override_settings(ROOT_URLCONF=urls, MIDDLEWARE=middleware),
        captured_logs("django_asynckit") as records,
    ):
        handler = ASGIHandler()
        assert (await drive(handler, "/stream/")).body == b"ab"
    assert handler._sync_chain.is_broken
    assert not records


@pytest.mark.parametrize("name", [*BOTH_CHAINS, "SyncRemoteUser"])
def test_other_middleware_has_both_chains(name):
    with override_settings(MIDDLEWARE=[f"{__name__}.{name}"]):
        assert ASGIHandler()._sync_chain is not None


def test_a_remote_user_that_is_read_elsewhere_in_sync_mode_keeps_one_chain():
    with override_settings(MIDDLEWARE=[f"{__name__}.RemoteUser"]):
        reads_alike = hasattr(RemoteUserMiddleware, "get_username")
        assert (ASGIHandler()._sync_chain is not None) is reads_alike


class RemoteUser(RemoteUserMiddleware):
    header = "HTTP_X_USER"


class SyncRemoteUser(RemoteUser):
    async_capable = False


wrapped = []


def noting(function, name):
    """Call ``function``, and note that it was."""

    def call(*args, **kwargs):
        wrapped.append(name)
        return function(*args, **kwargs)

    return call


@pytest.fixture
def _tool(monkeypatch):
    """A tool that wraps what Django's handler calls, and what it makes, as those for tracing do."""
    wrapped.clear()
    import_string, atomic = base.import_string, base.BaseHandler.make_view_atomic

    def import_wrapped(path):
        factory = import_string(path)
        return lambda get_response: noting(factory(get_response), "middleware")

    def wrapped_view(self, view):
        return noting(atomic(self, view), "view")

    monkeypatch.setattr(base, "import_string", import_wrapped)
    monkeypatch.setattr(base.BaseHandler, "make_view_atomic", wrapped_view)
    for name in ("load_middleware", "get_response"):
        monkeypatch.setattr(base.BaseHandler, name, noting(getattr(base.BaseHandler, name), name))


@pytest.mark.usefixtures("_tool")
async def test_a_tool_sees_each_chain_once():
    with override_settings(ROOT_URLCONF=urlconf(MIXED), MIDDLEWARE=[SYNC_ONLY]):
        handler = ASGIHandler()
        for _ in range(2):
            assert (await drive(handler, "/")).body == b"sync"
    once = ["get_response", "middleware", "view"]
    assert wrapped == ["load_middleware", "load_middleware", *once, *once]


def test_a_handler_that_overrides_a_method_keeps_one_chain():
    class Own(ASGIHandler):
        def resolve_request(self, request):
            return super().resolve_request(request)

    assert Own()._sync_chain is None
    assert ASGIHandler()._sync_chain is not None


def test_the_middleware_is_named_as_far_as_it_is_known():
    assert sync_chain._path_of(None) == "The middleware"


def test_a_wrong_setting_is_an_error():
    with (
        override_settings(ASYNCKIT_SYNC_CHAIN="yes"),
        pytest.raises(ImproperlyConfigured, match="ASYNCKIT_SYNC_CHAIN must be True or False"),
    ):
        ASGIHandler()


def test_the_test_clients_do_the_same():
    with override_settings(ROOT_URLCONF=urlconf(MIXED), MIDDLEWARE=[SYNC_ONLY]):
        assert Client().get("/").content == b"sync"
        with pytest.raises(ValueError, match="of the view"):
            Client().get("/fails/")


async def test_so_does_the_async_one():
    with override_settings(ROOT_URLCONF=urlconf(MIXED), MIDDLEWARE=[SYNC_ONLY]):
        assert (await AsyncClient().get("/")).content == b"sync"
    await until_idle()


class Subclass(ASGIHandler):
    async def run_get_response(self, request):
        return await super().run_get_response(request)


def finished(**kwargs):
    """A receiver that may need the worker."""


@pytest.fixture
def _receiver():
    request_finished.connect(finished)
    yield
    request_finished.disconnect(finished)


async def workers_while_sent(handler, url):
    """Return the worker that the request has while each part of its response is sent."""
    kept = []

    async def application(scope, receive, send):
        async def note(message):
            kept.append(current_lease.get().worker)
            await send(message)

        await made(scope, receive, note)

    with override_settings(ROOT_URLCONF=urlconf(MIXED), MIDDLEWARE=[]):
        made = handler()
        await drive(application, url)
    await until_idle()
    return kept


@pytest.mark.parametrize("url", ["/", "/fails/"])
async def test_the_worker_is_given_back_before_the_response_is_sent(url):
    assert await workers_while_sent(ASGIHandler, url) == [None, None]


async def test_a_request_that_somebody_hands_to_the_chain_himself_is_answered():
    """Then it has no worker of its own."""
    with override_settings(ROOT_URLCONF=urlconf(MIXED), MIDDLEWARE=[SYNC_ONLY]):
        response = await ASGIHandler().get_response_async(ASGIRequest(scope_for(), io.BytesIO()))
    assert response.content == b"sync"


@pytest.mark.usefixtures("_receiver")
async def test_it_is_kept_for_receivers_of_request_finished():
    assert all(await workers_while_sent(ASGIHandler, "/"))


@pytest.mark.parametrize(
    ("handler", "url"), [(ASGIHandler, "/stream/"), (ASGIHandler, "/file/"), (Subclass, "/")]
)
async def test_it_is_kept_where_something_may_need_it(handler, url):
    first, *_ = await workers_while_sent(handler, url)
    assert first is not None
