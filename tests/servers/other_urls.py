"""The URLconf that a request can ask for."""

from __future__ import annotations

from django.urls import include, path

from tests.servers.urls import own

urlpatterns = [path("other/", include(own))]
