"""A large project is audited in less than two seconds."""

from __future__ import annotations

import functools
import time
from types import ModuleType

from django.http import HttpResponse
from django.test import override_settings
from django.urls import include, path

from django_asynckit.audit.project import audit_project
from django_asynckit.report.data import as_json
from tests.audit.stacks import page
from tests.audit.test_counted import EVERY_KIND, KINDS
from tests.audit.urls import AsyncView, timed
from tests.settings import MIDDLEWARE as STARTPROJECT


def views(number):
    """Return another function for each route, as large projects have."""

    async def view(request):
        return HttpResponse(str(number))

    kinds = (view, timed(view), functools.partial(page), AsyncView.as_view())
    return kinds[number % len(kinds)]


def test_60_middleware_and_5000_routes_take_less_than_two_seconds():
    urlconf = ModuleType("large_urls")
    urlconf.urlpatterns = [
        path(
            f"{group}/",
            include([path(f"{number}/", views(number), name=f"{number}") for number in range(100)]),
        )
        for group in range(50)
    ]
    kinds = [name for name in EVERY_KIND if name != "Fussy"]
    paths = [*STARTPROJECT, *(f"{KINDS}.{name}" for name in kinds * 4)][:60]
    with override_settings(MIDDLEWARE=paths, ROOT_URLCONF=urlconf):
        begin = time.process_time()
        audit = audit_project()
        as_json(audit)
        took = time.process_time() - begin
    assert (len(audit.stack.entries), len(audit.views.entries)) == (60, 5000)
    assert took < 2
