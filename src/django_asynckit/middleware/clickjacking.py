"""Drop-in for ``django.middleware.clickjacking``."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest
from django.middleware import clickjacking

from django_asynckit.middleware._headers import header_store, valid_entry
from django_asynckit.middleware._hooks import non_blocking
from django_asynckit.middleware._mro import is_untouched
from django_asynckit.middleware.mixin import AsyncMiddlewareMixin

_HEADER: Final = "X-Frame-Options"


class XFrameOptionsMiddleware(AsyncMiddlewareMixin, clickjacking.XFrameOptionsMiddleware):
    """Django's class; its hook runs inline, unless ``get_xframe_options_value`` is overridden."""

    async_capable = True

    @non_blocking
    def process_response(self, request: HttpRequest, response: Any) -> Any:
        hook = super().process_response
        shortens = self.async_mode and is_untouched(hook, clickjacking)
        store = header_store(response) if shortens else None
        if store is None:
            return hook(request, response)
        if "x-frame-options" in store or getattr(response, "xframe_options_exempt", False):
            return response
        value = self.get_xframe_options_value(request, response)
        if type(value) is str:
            store["x-frame-options"] = valid_entry(_HEADER, value)
        else:
            response.headers[_HEADER] = value
        return response
