"""Views that look at what instrumentation made current around them, and one that gives it much to see."""

from __future__ import annotations

import logging

from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import HttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.urls import include, path


async def own_span(request):
    from opentelemetry import trace

    with trace.get_tracer(__name__).start_as_current_span("inside"):
        return HttpResponse("span")


def own_span_sync(request):
    from opentelemetry import trace

    with trace.get_tracer(__name__).start_as_current_span("inside"):
        return HttpResponse("span")


def busy_sync(request, kind):
    """Sets the user, queries, logs, and then fails or returns what is rendered later."""
    request.user = get_user_model()(pk=7, username="ada", email="ada@example.test")
    with connection.cursor() as cursor:
        cursor.execute("SELECT 'busy'")
    logging.getLogger("tests.busy").warning("busy")
    if kind == "denied":
        raise PermissionDenied("not you, in a thread")
    if kind == "broken":
        raise ValueError("broken in a thread")
    return TemplateResponse(request, engines["django"].from_string("{{ user.username }}"))


urlpatterns = [
    path("busy/sync/<kind>/", busy_sync),
    path("span/", own_span),
    path("span/sync/", own_span_sync),
    path("", include("tests.servers.urls")),
]
