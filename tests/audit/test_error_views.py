"""Async error views are found; what stock Django does with them is tested in tests/handler/."""

from __future__ import annotations

import functools
from types import ModuleType

import pytest
from django.core.checks import run_checks
from django.http import HttpResponse
from django.test import override_settings
from django.views import View

from django_asynckit.audit.error_views import in_error_views
from django_asynckit.checks import TAG

HERE = __name__


async def page(request, exception=None):
    return HttpResponse("async")


def sync_page(request, exception=None):
    return HttpResponse("sync")


class Page(View):
    async def get(self, request, exception=None):
        return HttpResponse("async")


class Callable:
    async def __call__(self, request, exception=None):
        return HttpResponse("async")


class Hostile:
    """An error view that fails when it is asked anything."""

    def __call__(self, request):
        """Answers nothing."""

    def __getattr__(self, name):
        raise ValueError(name)


def urls(**handlers):
    urlconf = ModuleType("urls")
    vars(urlconf).update(handlers, urlpatterns=[])
    return override_settings(ROOT_URLCONF=urlconf)


def found(handler="unknown", **handlers):
    with urls(**handlers):
        return list(in_error_views(handler))


@pytest.mark.parametrize("status", [400, 403, 404, 500])
@pytest.mark.parametrize(
    "view",
    [page, f"{HERE}.page", functools.partial(page), Page.as_view(), Callable()],
    ids=["function", "path", "partial", "class", "callable"],
)
def test_each_kind_of_async_error_view_is_found(status, view):
    [finding] = found(**{f"handler{status}": view})
    assert finding.id == "asynckit.W025"
    assert finding.where.startswith(f"handler{status} of ")
    assert "a bare 500" in finding.message
    assert finding.file == __file__
    assert finding.line > 0


@pytest.mark.parametrize(
    "view",
    [sync_page, f"{HERE}.sync_page", "no.such.module.page", f"{HERE}.missing", Hostile()],
    ids=["function", "path", "module", "name", "hostile"],
)
def test_others_are_not(view):
    assert found(handler404=view) == []
    assert found() == []


def test_a_urlconf_that_cannot_be_imported_is_for_others_to_report():
    with override_settings(ROOT_URLCONF="no.such.module"):
        assert list(in_error_views()) == []


def test_our_handler_awaits_them():
    [finding] = found("asynckit", handler500=page)
    assert (finding.id, finding.is_check) == ("asynckit.I017", False)
    assert "Our handler awaits it" in finding.message
    [finding] = found("stock", handler500=page)
    assert finding.id == "asynckit.W025"


def test_it_is_a_system_check(settings):
    settings.ASGI_APPLICATION = "tests.asgi_stock.application"
    with urls(handler404=page):
        assert [message.id for message in run_checks(tags=[TAG])] == ["asynckit.W025"]
    settings.ASGI_APPLICATION = "tests.asgi_asynckit.application"
    with urls(handler404=page):
        assert run_checks(tags=[TAG]) == []
