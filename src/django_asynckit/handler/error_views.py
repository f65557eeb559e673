"""Awaits ``handler404`` and its kin of a URLconf if they are async: Django calls them as sync functions.

Django looks them up and calls them in the middle of ``response_for_exception()``, in a thread. Our
resolver stands in for Django's there, while a request of ours is handled, and gives it sync
functions. Everywhere else, as under WSGI, Django gets its own.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextvars import ContextVar, Token
from typing import Any, Final

from django.core.handlers import exception as handlers_exception
from django.http import HttpRequest

from django_asynckit._bridge import to_sync
from django_asynckit._compat import iscoroutinefunction

_is_handling: Final[ContextVar[bool]] = ContextVar("asynckit_is_handling", default=False)
_get_resolver: Final[Callable[[Any], Any]] = handlers_exception.get_resolver  # type: ignore[attr-defined]


def await_error_views() -> Token[bool]:
    """Let error views be async for what is handled in this context, until the token is reset."""
    return _is_handling.set(True)


class _Resolver:
    """Gives Django the error views of ``resolver`` as sync functions."""

    def __init__(self, resolver: Any) -> None:
        self._resolver = resolver

    def resolve_error_handler(self, view_type: int) -> Callable[..., Any]:
        """Return the view for the status ``view_type``, made sync if it turns out to be async."""
        view = self._resolver.resolve_error_handler(view_type)
        return _Called(view).run


class _Called:
    """An error view, called from sync code."""

    def __init__(self, view: Callable[..., Any]) -> None:
        self._view = view

    def run(self, request: HttpRequest, **kwargs: Any) -> Any:
        if iscoroutinefunction(self._view):
            return to_sync(self._call)(request, **kwargs)
        response = self._view(request, **kwargs)
        # A decorator, or an object with an async __call__, need not say that it is async.
        return to_sync(_await)(response) if inspect.isawaitable(response) else response

    async def _call(self, request: HttpRequest, **kwargs: Any) -> Any:
        return await self._view(request, **kwargs)


async def _await(awaitable: Any) -> Any:
    return await awaitable


def _resolver_for(urlconf: Any) -> Any:
    resolver = _get_resolver(urlconf)
    return _Resolver(resolver) if _is_handling.get() else resolver


handlers_exception.get_resolver = _resolver_for  # type: ignore[attr-defined]
