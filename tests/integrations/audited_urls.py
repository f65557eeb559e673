"""An async and a sync view, and what packages want to find in a URLconf."""

from __future__ import annotations

from debug_toolbar.toolbar import debug_toolbar_urls
from django.http import HttpResponse
from django.urls import include, path


async def page(request):
    return HttpResponse("fine")


def sync_page(request):
    return HttpResponse("fine")


urlpatterns = [
    path("", page),
    path("sync/", sync_page),
    path("accounts/", include("allauth.urls")),
    path("silk/", include("silk.urls")),
    path("hijack/", include("hijack.urls")),
    *debug_toolbar_urls(),
]
