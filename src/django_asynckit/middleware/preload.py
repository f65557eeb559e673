"""Drop one line into MIDDLEWARE, and async views and their templates can use ``request.user``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest

from django_asynckit._bridge import run_in_worker
from django_asynckit._compat import iscoroutinefunction
from django_asynckit.conf import setting
from django_asynckit.middleware._preloading import aload, load, require
from django_asynckit.middleware._replay import forget
from django_asynckit.middleware._trial import Unfinished, take_unfinished
from django_asynckit.middleware.mixin import AsyncMiddlewareMixin
from django_asynckit.types import GetResponse


class PreloadUserMiddleware(AsyncMiddlewareMixin):
    """Loads session and user ahead: async code can use ``request.user`` and ``request.session[...]``.

    To be listed after Django's ``AuthenticationMiddleware``; ``ImproperlyConfigured`` is raised
    where ``request.session`` or ``request.user`` is missing. Session and user take one hop
    together: none if the request has no session, or if their own async methods can be awaited. An
    error while loading is raised where the session or the user is read.

    In sync mode, which is under WSGI, it loads them only for a view that is async.
    """

    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        super().__init__(get_response)
        if not self.async_mode:
            self.process_view = self._load_for_async_view

    def process_request(self, request: HttpRequest) -> None:
        require(request)

    async def aprocess_request(self, request: HttpRequest) -> None:
        require(request)
        await aload(request)

    def _load_for_async_view(
        self, request: HttpRequest, callback: Callable[..., Any], *_args: Any
    ) -> None:
        if iscoroutinefunction(callback):
            load(request)

    def process_response(self, request: HttpRequest, response: Any) -> Any:
        unfinished = _end(request)
        if unfinished is not None:
            unfinished.finish()
        return response

    async def aprocess_response(self, request: HttpRequest, response: Any) -> Any:
        unfinished = _end(request)
        if unfinished is not None and unfinished.is_awaitable():
            await unfinished.afinish()
        elif unfinished is not None:
            await run_in_worker(unfinished.finish)
        return response


def _end(request: HttpRequest) -> Unfinished | None:
    """Return what is to be done still; a session that nobody read is loaded anew to be saved."""
    if setting("SESSION_SAVE_EVERY_REQUEST"):
        forget(getattr(request, "session", None))
    return take_unfinished(request)
