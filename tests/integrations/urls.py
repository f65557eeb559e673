"""Views that look at what instrumentation made current around them."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import include, path


async def own_span(request):
    from opentelemetry import trace

    with trace.get_tracer(__name__).start_as_current_span("inside"):
        return HttpResponse("span")


def own_span_sync(request):
    from opentelemetry import trace

    with trace.get_tracer(__name__).start_as_current_span("inside"):
        return HttpResponse("span")


urlpatterns = [
    path("span/", own_span),
    path("span/sync/", own_span_sync),
    path("", include("tests.servers.urls")),
]
