"""Each page under /sync/ and under /async/; the links of all of them lead to the same addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.urls import include, path

from site_like_real import async_views, views

if TYPE_CHECKING:
    from types import ModuleType

    from django.urls import URLPattern


def pages(of: ModuleType) -> list[URLPattern]:
    """Those of one kind of views."""
    return [
        path("ping/", of.ping, name="ping"),
        path("form/", of.form, name="form"),
        path("list/", of.topics, name="list"),
        path("detail/<int:pk>/", of.topic, name="detail"),
    ]


urlpatterns = [
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
    path("sync/", include(pages(views))),
    path("async/", include(pages(async_views))),
]
