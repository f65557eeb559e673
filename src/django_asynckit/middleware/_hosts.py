"""Remembers which ``Host`` headers Django has found valid."""

from __future__ import annotations

from typing import Any, Final

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest

from django_asynckit.conf import setting

#: Hosts to remember: with a wildcard in ALLOWED_HOSTS, clients can send any number of them.
_MOST: Final = 64


class ValidHosts:
    """Saves ``request.get_host()`` where all that it would do is find a known host valid again."""

    def __init__(self) -> None:
        self._hosts: set[str] = set()
        self._rules: tuple[Any, ...] = ()

    def knows(self, request: HttpRequest) -> bool:
        """Whether the host of ``request`` is valid and was seen before; a new one is remembered."""
        host = request.META.get("HTTP_HOST")
        if (
            host is None
            or setting("USE_X_FORWARDED_HOST")
            or type(request).get_host is not HttpRequest.get_host
        ):
            return False
        rules = (*setting("ALLOWED_HOSTS"), setting("DEBUG"))
        if rules != self._rules or len(self._hosts) >= _MOST:
            self._rules, self._hosts = rules, set()
        if host in self._hosts:
            return True
        try:
            request.get_host()
        except DisallowedHost:
            return False  # Django's hook raises it again, for Django to report.
        self._hosts.add(host)
        return True
