"""Drop-in for ``django.middleware.common``."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.middleware import common

from django_asynckit.conf import setting
from django_asynckit.middleware._hooks import non_blocking
from django_asynckit.middleware._hosts import ValidHosts
from django_asynckit.middleware.mixin import AsyncMiddlewareMixin
from django_asynckit.types import GetResponse


class CommonMiddleware(AsyncMiddlewareMixin, common.CommonMiddleware):
    """Django's class; both hooks run inline, since they only look at headers and the URLconf."""

    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        super().__init__(get_response)
        self._valid_hosts = ValidHosts()

    @non_blocking
    def process_request(self, request: HttpRequest) -> Any:
        if (
            setting("PREPEND_WWW")
            or setting("DISALLOWED_USER_AGENTS")
            or not self._valid_hosts.knows(request)
        ):
            return super().process_request(request)
        return None

    @non_blocking
    def process_response(self, request: HttpRequest, response: Any) -> Any:
        return super().process_response(request, response)
