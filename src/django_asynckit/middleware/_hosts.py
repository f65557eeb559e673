"""Remembers ``Host`` headers that Django found valid, so that it need not look at each again."""

from __future__ import annotations

from types import FunctionType
from typing import Any, Final

from django.http import HttpRequest
from django.http import request as http_request

from django_asynckit.conf import setting

#: With a wildcard in ALLOWED_HOSTS, clients can send any number of hosts, of any length.
_MOST: Final = 64
_LONGEST: Final = 255
_MODULES: Final = ("django.http.request", "django.utils.http")


def _deciders(request_class: Any) -> tuple[Any, ...]:
    """Return the functions that decide about a host, as they are now: somebody may have put in others."""
    return (
        request_class.get_host,
        request_class._get_raw_host,
        http_request.split_domain_port,
        http_request.validate_host,
        http_request.is_same_domain,  # type: ignore[attr-defined]
    )


def _are_djangos(functions: tuple[Any, ...]) -> bool:
    return all(
        type(function) is FunctionType and function.__globals__["__name__"] in _MODULES
        for function in functions
    )


class ValidHosts:
    """Hosts that ``request.get_host()`` returned under the same settings.

    Only for requests and settings with which the header ``Host`` is all that it looks at.
    """

    def __init__(self) -> None:
        self._hosts: set[str] = set()
        self._allowed: list[str] = []
        self._debug = False
        self._deciders = _deciders(HttpRequest)

    def knows(self, request: HttpRequest) -> bool:
        """Whether Django would find the host of ``request`` valid, as it did before."""
        return (
            request.META.get("HTTP_HOST") in self._hosts
            and setting("ALLOWED_HOSTS") == self._allowed
            and setting("DEBUG") is self._debug
            and not setting("USE_X_FORWARDED_HOST")
            and _deciders(type(request)) == self._deciders
            and request.__dict__.keys().isdisjoint(("get_host", "_get_raw_host"))
        )

    def remember(self, request: HttpRequest) -> None:
        """Remember the host of ``request``, for which ``get_host()`` raised nothing just now."""
        host, allowed = request.META.get("HTTP_HOST"), setting("ALLOWED_HOSTS")
        deciders = _deciders(type(request))
        if (
            type(host) is not str
            or len(host) > _LONGEST
            or setting("USE_X_FORWARDED_HOST")
            or type(allowed) is not list
            or any(type(pattern) is not str for pattern in allowed)
            or not _are_djangos(deciders)
        ):
            return
        rules = (allowed, setting("DEBUG"), deciders)
        if rules != (self._allowed, self._debug, self._deciders) or len(self._hosts) >= _MOST:
            self._hosts.clear()
            self._allowed, self._debug, self._deciders = list(allowed), rules[1], deciders
        self._hosts.add(host)
