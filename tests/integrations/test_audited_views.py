"""Views of Django REST framework and django-ninja in the audit."""

from __future__ import annotations

import asyncio
from types import ModuleType

import pytest
from django.test import override_settings
from django.urls import path
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt

from django_asynckit.audit.stack import audit_stack
from django_asynckit.audit.views import audit_views
from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.trace import record_hops
from tests.driver import drive, plain_root_logger
from tests.settings import MIDDLEWARE

REASON = "--group packages is not installed"


def audit(*patterns):
    urlconf = ModuleType("urls")
    urlconf.urlpatterns = list(patterns)
    with override_settings(ROOT_URLCONF=urlconf):
        return audit_views()


def test_async_handlers_of_a_rest_view_are_found():
    views = pytest.importorskip("rest_framework.views", reason=REASON)

    class Async(views.APIView):
        async def get(self, request):
            """Never awaited."""

    class Sync(views.APIView):
        def get(self, request):
            """As its framework wants it."""

    found = audit(path("async/", Async.as_view()), path("sync/", Sync.as_view()))
    [finding] = found.findings
    assert finding.id == "asynckit.W013"
    assert finding.where.endswith("Async")
    assert [entry.mode for entry in found.entries] == ["async", "sync"]


def where_found(*patterns):
    findings = audit(*patterns).findings
    assert {finding.id for finding in findings} <= {"asynckit.W013"}
    return {finding.where.rpartition(".")[2] for finding in findings}


def test_async_actions_of_a_rest_viewset_are_found():
    viewsets = pytest.importorskip("rest_framework.viewsets", reason=REASON)

    class Books(viewsets.ViewSet):
        async def list(self, request):
            """Never awaited."""

        def create(self, request):
            """As its framework wants it."""

    @method_decorator(csrf_exempt, name="dispatch")
    class Exempt(Books):
        """Its dispatch() is the framework's all the same."""

    assert where_found(path("", Books.as_view({"get": "list"}))) == {"Books"}
    assert where_found(path("", Exempt.as_view({"get": "list"}))) == {"Exempt"}
    assert where_found(path("", Books.as_view({"post": "create"}))) == set()


def test_async_functions_behind_api_view_are_found():
    decorators = pytest.importorskip("rest_framework.decorators", reason=REASON)

    @decorators.api_view(["GET", "POST"])
    async def never_awaited(request):
        """Its coroutine is taken for a response."""

    @decorators.api_view()
    def plain(request):
        """As its framework wants it."""

    assert where_found(path("", never_awaited), path("plain/", plain)) == {"never_awaited"}


def test_packages_that_make_the_framework_async_are_healthy():
    viewsets = pytest.importorskip("adrf.viewsets", reason=REASON)
    decorators = pytest.importorskip("adrf.decorators", reason=REASON)

    class Books(viewsets.ViewSet):
        async def list(self, request):
            """Awaited."""

    @decorators.api_view()
    async def awaited(request):
        """Awaited."""

    assert where_found(path("", Books.as_view({"get": "list"})), path("one/", awaited)) == set()


def test_routes_of_ninja_are_counted_by_their_mode():
    ninja = pytest.importorskip("ninja", reason=REASON)
    api = ninja.NinjaAPI(urls_namespace="audited", docs_url=None, openapi_url=None)

    @api.get("/async")
    async def one(request):
        return {}

    @api.get("/sync")
    def two(request):
        return {}

    found = audit(path("api/", api.urls))
    assert found.findings == []
    modes = {entry.pattern: entry.mode for entry in found.entries}
    assert modes["api/async"] == "async"
    assert modes["api/sync"] == "sync"
    assert any(entry.name == "audited:api-root" for entry in found.entries)


@pytest.mark.parametrize("middleware", [[], ["tests.audit.stacks.sync_function"]])
def test_a_rest_view_makes_the_hops_of_a_sync_view_in_the_sync_chain(middleware):
    views = pytest.importorskip("rest_framework.views", reason=REASON)
    response = pytest.importorskip("rest_framework.response", reason=REASON)

    class Books(views.APIView):
        renderer_classes = [pytest.importorskip("rest_framework.renderers").JSONRenderer]

        def get(self, request):
            return response.Response({"user": str(request.user)})

    urlconf = ModuleType("urls")
    urlconf.urlpatterns = [path("", Books.as_view())]
    names = {"MIDDLEWARE": [*middleware, *MIDDLEWARE], "ASYNCKIT_SYNC_CHAIN": True}
    with override_settings(ROOT_URLCONF=urlconf, **names), plain_root_logger():
        hops = audit_stack(makes=True).totals()["asynckit"]["sync_view"]
        assert asyncio.run(count()) == hops == 1


async def count():
    handler = ASGIHandler()
    await drive(handler, "/")
    with record_hops() as trace:
        reply = await drive(handler, "/")
    assert reply.body == b'{"user":"AnonymousUser"}'
    return len(trace.hops) + trace.unfinished
