"""Awaits ``handler404`` and its kin of a URLconf if they are async: Django calls them as sync functions.

Django looks them up and calls them in the middle of ``response_for_exception()``, in a thread. Our
resolver stands in for Django's there, while a request of ours is handled, and gives it sync
functions. Everywhere else, as under WSGI, Django gets its own.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, Final

from django.core.handlers import exception as handlers_exception
from django.http import HttpRequest
from django.urls import get_resolver

from django_asynckit._bridge import reset, to_sync
from django_asynckit._compat import iscoroutinefunction
from django_asynckit.workers.routes import current_lease

_is_testing: Final[ContextVar[bool]] = ContextVar("asynckit_is_testing", default=False)


@contextlib.contextmanager
def await_error_views() -> Iterator[None]:
    """Let error views be async in the block, for a test client, whose requests have no lease."""
    token = _is_testing.set(True)
    try:
        yield
    finally:
        reset(token)


def _is_ours() -> bool:
    """Whether a handler of ours is at work here."""
    return current_lease.get() is not None or _is_testing.get()


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
    resolver = get_resolver(urlconf)
    return _Resolver(resolver) if _is_ours() else resolver


def let_error_views_be_async() -> None:
    """Put our resolver in the place of Django's, unless somebody else has done so."""
    module: Any = handlers_exception
    if module.get_resolver is get_resolver:
        module.get_resolver = _resolver_for
