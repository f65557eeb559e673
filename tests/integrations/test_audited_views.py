"""Views of Django REST framework and django-ninja in the audit."""

from __future__ import annotations

from types import ModuleType

import pytest
from django.test import override_settings
from django.urls import path

from django_asynckit.audit.views import audit_views


def audit(*patterns):
    urlconf = ModuleType("urls")
    urlconf.urlpatterns = list(patterns)
    with override_settings(ROOT_URLCONF=urlconf):
        return audit_views()


def test_async_handlers_of_a_rest_view_are_found():
    views = pytest.importorskip("rest_framework.views", reason="--group packages is not installed")

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


def test_routes_of_ninja_are_counted_by_their_mode():
    ninja = pytest.importorskip("ninja", reason="--group packages is not installed")
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
