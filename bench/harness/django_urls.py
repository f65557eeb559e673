"""The same view twice: for ASGI and for WSGI."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from django.contrib.contenttypes.models import ContentType
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


async def query(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """One query of the ORM; its answer is part of the response."""
    row = await ContentType.objects.aget(pk=1)
    return HttpResponse(row.model, content_type="text/plain")


def query_sync(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """Its sync equivalent."""
    row = ContentType.objects.get(pk=1)
    return HttpResponse(row.model, content_type="text/plain")


async def query_twice(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """A query, two seconds of waiting for something else, and another query."""
    await ContentType.objects.aget(pk=1)
    await asyncio.sleep(2)
    row = await ContentType.objects.aget(pk=1)
    return HttpResponse(row.model, content_type="text/plain")


async def wait(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """Two seconds of waiting for something else."""
    await asyncio.sleep(2)
    return HttpResponse(BODY, content_type="text/plain")


urlpatterns = [
    path("async/", hello),
    path("sync/", hello_sync),
    path("query/", query),
    path("query/sync/", query_sync),
    path("query/twice/", query_twice),
    path("wait/", wait),
]
