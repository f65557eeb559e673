"""A URLconf that Django refuses: a class with both kinds of handlers."""

from __future__ import annotations

from django.urls import path
from django.views import View


class Mixed(View):
    def get(self, request):
        """Sync."""

    async def post(self, request):
        """Async."""


urlpatterns = [path("", Mixed.as_view())]
