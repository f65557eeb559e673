"""Drop-in for ``django.middleware.security``."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.middleware import security

from django_asynckit.middleware._headers import FixedHeaders
from django_asynckit.middleware._hooks import non_blocking
from django_asynckit.middleware._mro import is_untouched
from django_asynckit.middleware.mixin import AsyncMiddlewareMixin
from django_asynckit.types import GetResponse


class SecurityMiddleware(AsyncMiddlewareMixin, security.SecurityMiddleware):
    """Django's class; both hooks run inline, since they only look at settings and headers."""

    async_capable = True
    referrer_policy: Any
    cross_origin_opener_policy: Any

    def __init__(self, get_response: GetResponse) -> None:
        super().__init__(get_response)
        self._headers = FixedHeaders({})
        self._headers_for: tuple[Any, ...] = (False, None, None)

    @non_blocking
    def process_request(self, request: HttpRequest) -> Any:
        return super().process_request(request)

    @non_blocking
    def process_response(self, request: HttpRequest, response: Any) -> Any:
        hook = super().process_response
        if (
            self.async_mode
            and not self.sts_seconds
            and is_untouched(hook, security)
            and self._fixed_headers().set_missing(response)
        ):
            return response
        return hook(request, response)

    def _fixed_headers(self) -> FixedHeaders:
        """Return the headers that Django's hook sets on every response, from the same attributes."""
        policies = (
            self.content_type_nosniff,
            self.referrer_policy,
            self.cross_origin_opener_policy,
        )
        if policies != self._headers_for:
            self._headers = FixedHeaders(_headers_of(*policies))
            self._headers_for = policies
        return self._headers


def _headers_of(nosniff: bool, referrer_policy: Any, opener_policy: Any) -> dict[str, str]:
    headers = {}
    if nosniff:
        headers["X-Content-Type-Options"] = "nosniff"
    if referrer_policy:
        if isinstance(referrer_policy, str):
            referrer_policy = [policy.strip() for policy in referrer_policy.split(",")]
        headers["Referrer-Policy"] = ",".join(referrer_policy)
    if opener_policy:
        headers["Cross-Origin-Opener-Policy"] = opener_policy
    return headers
