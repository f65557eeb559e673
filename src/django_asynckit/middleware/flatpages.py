"""Drop-in for ``django.contrib.flatpages.middleware``."""

from __future__ import annotations

from typing import Any

from django.contrib.flatpages import middleware
from django.http import HttpRequest

from django_asynckit._bridge import run_in_worker
from django_asynckit.middleware.mixin import AsyncMiddlewareMixin


class FlatpageFallbackMiddleware(AsyncMiddlewareMixin, middleware.FlatpageFallbackMiddleware):
    """Django's class; it leaves the event loop only for a 404, to look for a page and render it."""

    async_capable = True

    async def aprocess_response(self, request: HttpRequest, response: Any) -> Any:
        if response.status_code != 404:
            return response  # Django's hook would do nothing.
        return await run_in_worker(super().process_response, request, response)
