"""Drop-in for ``django.middleware.csp``, which Django 6.0 brought: older versions cannot import it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.middleware import csp

from django_asynckit.middleware._hooks import non_blocking
from django_asynckit.middleware.mixin import AsyncMiddlewareMixin


class ContentSecurityPolicyMiddleware(AsyncMiddlewareMixin, csp.ContentSecurityPolicyMiddleware):
    """Django's class; both hooks run inline, since they only look at settings and headers."""

    async_capable = True

    @non_blocking
    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)

    @non_blocking
    def process_response(self, request: HttpRequest, response: Any) -> Any:
        return super().process_response(request, response)
