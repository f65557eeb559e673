"""The same view twice: for ASGI and for WSGI."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponse
from django.urls import path

from harness.targets import BODY

if TYPE_CHECKING:
    from django.http import HttpRequest


async def hello(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """The async view."""
    return HttpResponse(BODY, content_type="text/plain")


def hello_sync(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """Its sync equivalent."""
    return HttpResponse(BODY, content_type="text/plain")


urlpatterns = [path("async/", hello), path("sync/", hello_sync)]
