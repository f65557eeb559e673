"""Drop-in for ``django.middleware.clickjacking``."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.middleware import clickjacking

from django_asynckit.middleware._hooks import non_blocking
from django_asynckit.middleware.mixin import AsyncMiddlewareMixin


class XFrameOptionsMiddleware(AsyncMiddlewareMixin, clickjacking.XFrameOptionsMiddleware):
    """Django's class; its hook runs inline, unless ``get_xframe_options_value`` is overridden."""

    async_capable = True

    @non_blocking
    def process_response(self, request: HttpRequest, response: Any) -> Any:
        return super().process_response(request, response)
