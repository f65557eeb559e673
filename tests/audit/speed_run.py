"""Audits a project with 60 middleware and 5,000 routes, and prints how much CPU time that took.

Started by ``test_speed``, in a process of its own: neither coverage nor Python's development mode
slow it down there.
"""

from __future__ import annotations

import functools
import json
import os
import time
from types import ModuleType

import django


def make_view(number: int):
    """Return another view for each route, as large projects have."""
    from django.http import HttpResponse

    from tests.audit.stacks import page
    from tests.audit.urls import AsyncView, timed

    async def view(request):
        return HttpResponse(str(number))

    kinds = (view, timed(view), functools.partial(page), AsyncView.as_view())
    return kinds[number % len(kinds)]


def make_urlconf() -> ModuleType:
    from django.urls import include, path

    urlconf = ModuleType("large_urls")
    urlconf.urlpatterns = [
        path(
            f"{group}/",
            include(
                [path(f"{number}/", make_view(number), name=f"{number}") for number in range(100)]
            ),
        )
        for group in range(50)
    ]
    return urlconf


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()
    from django.conf import settings

    from django_asynckit.audit.project import audit_project
    from django_asynckit.report.data import as_json
    from tests.audit.kinds import EVERY_KIND

    settings.MIDDLEWARE = [*settings.MIDDLEWARE, *EVERY_KIND * 4][:60]
    settings.ROOT_URLCONF = make_urlconf()
    begin = time.process_time()
    audit = audit_project()
    as_json(audit)
    took = time.process_time() - begin
    counts = {"middleware": len(audit.stack.entries), "routes": len(audit.views.entries)}
    print(json.dumps({"took": took, **counts}))


if __name__ == "__main__":
    main()
