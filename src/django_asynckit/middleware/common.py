"""Drop-in for ``django.middleware.common``."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.middleware import common

from django_asynckit.middleware._headers import header_store
from django_asynckit.middleware._hooks import non_blocking
from django_asynckit.middleware.mixin import AsyncMiddlewareMixin


class CommonMiddleware(AsyncMiddlewareMixin, common.CommonMiddleware):
    """Django's class; both hooks run inline, since they only look at headers and the URLconf."""

    async_capable = True

    @non_blocking
    def process_request(self, request: HttpRequest) -> Any:
        return super().process_request(request)

    @non_blocking
    def process_response(self, request: HttpRequest, response: Any) -> Any:
        store = header_store(response) if self.async_mode else None
        if store is None or response.status_code == 404:
            return super().process_response(request, response)
        if not response.streaming and "content-length" not in store:
            store["content-length"] = ("Content-Length", str(len(response.content)))
        return response
