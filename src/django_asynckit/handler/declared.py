"""Puts middleware that is declared free of I/O on the event loop."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from django_asynckit._compat import greenlet_is_installed, iscoroutinefunction
from django_asynckit._declared import Style, style_of
from django_asynckit.handler.inline import InlineHooks
from django_asynckit.handler.promises import promise_of
from django_asynckit.types import AsyncGetResponse, GetResponse

logger = logging.getLogger("django_asynckit")


def on_the_loop(path: str, middleware: Any, declared: Any) -> Any:
    """Return a factory that makes ``middleware`` run on the event loop, or ``middleware`` itself.

    ``declared`` is what ``path`` names; ``middleware`` is the same, or what a tracing tool wrapped
    around it.
    """
    if style_of(middleware) is Style.HOOKS:
        return _Inline(path, middleware)
    if style_of(declared) is Style.ASYNC:
        return middleware
    if greenlet_is_installed():
        return _Suspended(path, middleware)
    logger.warning(
        "%s is declared in ASYNCKIT_NON_BLOCKING_MIDDLEWARE, but to run it on the event loop needs "
        "greenlet, which is not installed. It runs as on stock Django. To install it: "
        "pip install 'django-asynckit[greenlet]'",
        path,
    )
    return middleware


class OnTheLoop(ABC):
    """Makes a middleware; around a sync chain, which runs in a thread, as stock Django does."""

    async_capable = True

    def __init__(self, path: str, middleware: Any) -> None:
        self.path = path
        self.promise = promise_of(path)
        self.middleware = middleware
        self.sync_capable = getattr(middleware, "sync_capable", True)

    def __call__(self, get_response: GetResponse) -> Any:
        if iscoroutinefunction(get_response):
            return self.make(get_response)
        return self.middleware(get_response)

    @abstractmethod
    def make(self, get_response: AsyncGetResponse) -> Any:
        """Return the middleware around an async chain, to run on the event loop."""


class _Inline(OnTheLoop):
    """For classes whose hooks are run by Django's mixin."""

    def make(self, get_response: AsyncGetResponse) -> Any:
        middleware = self.middleware(get_response)
        own = getattr(middleware, "__dict__", {})
        if own.get("get_response") is not get_response or "__acall__" in own:
            return middleware  # It does something of its own with the chain.
        return InlineHooks(get_response, middleware, self.promise)


class _Suspended(OnTheLoop):
    """For what calls ``get_response`` from sync code."""

    def make(self, get_response: AsyncGetResponse) -> Any:
        # Imported here, because it needs greenlet.
        from django_asynckit.handler.suspension import SuspendedMiddleware, Suspension

        suspension = Suspension(get_response, self.promise)
        middleware = self.middleware(suspension.get_response)
        if middleware is None:
            return None  # Django reports it.
        if iscoroutinefunction(middleware):
            raise ImproperlyConfigured(
                f"{self.path} made an async middleware but says that it is sync only: it lacks "
                "async_capable = True. Take it out of ASYNCKIT_NON_BLOCKING_MIDDLEWARE."
            )
        return SuspendedMiddleware(get_response, middleware, suspension)
