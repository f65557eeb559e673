"""Drop-in for ``django.contrib.auth.middleware``."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

from django.conf import settings
from django.contrib.auth import middleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from django_asynckit._bridge import run_in_worker
from django_asynckit._compat import (
    LOGIN_REQUIRED_ASKS_USER_FIRST,
    REMOTE_USER_HAS_HOOKS,
    reading_as_async,
)
from django_asynckit.middleware._current_user import can_be_read
from django_asynckit.middleware._hooks import (
    awaitable_twin,
    helper_overridden,
    non_blocking,
    overridden_behind,
)
from django_asynckit.middleware._lazy import lazy
from django_asynckit.middleware._login_urls import is_plain_url
from django_asynckit.middleware._mro import is_untouched
from django_asynckit.middleware._remote_users import is_awaited
from django_asynckit.middleware._users import auser, get_user
from django_asynckit.middleware.mixin import AsyncMiddlewareMixin


class AuthenticationMiddleware(AsyncMiddlewareMixin, middleware.AuthenticationMiddleware):
    """Django's class; under ASGI ``request.user`` and ``await request.auser()`` share one user.

    So ``request.user`` can be used in async code once ``request.auser()`` was awaited. The shared
    user holds while the session names the same user, backend and hash. A ``request.user`` that
    was assigned is what ``request.auser()`` returns.
    """

    async_capable = True

    @non_blocking
    def process_request(self, request: HttpRequest) -> None:
        hook = super().process_request
        shares = self.async_mode and is_untouched(hook, middleware)
        if not shares or not hasattr(request, "session"):
            hook(request)  # Raises where there is no session.
        else:
            user = lazy(partial(get_user, request))
            request.user = user
            request.auser = partial(auser, request, user)


class LoginRequiredMiddleware(AsyncMiddlewareMixin, middleware.LoginRequiredMiddleware):
    """Django's class; it leaves the event loop only to load the user, with ``await request.auser()``.

    A ``request.user`` that somebody else put there is read in the request's thread, unless it is a
    user already.
    """

    async_capable = True

    async def aprocess_view(
        self,
        request: HttpRequest,
        view_func: Callable[..., Any],
        view_args: tuple[Any, ...],
        view_kwargs: dict[str, Any],
    ) -> Any:
        args = (request, view_func, view_args, view_kwargs)
        needs_login = getattr(view_func, "login_required", True)
        if not (needs_login or LOGIN_REQUIRED_ASKS_USER_FIRST):
            return None  # Django's hook would do nothing.
        if _has_plain_login_url(view_func) and await can_be_read(request, "is_authenticated"):
            return super().process_view(*args)
        return await run_in_worker(super().process_view, *args)


def _has_plain_login_url(view_func: Callable[..., Any]) -> bool:
    return is_plain_url(getattr(view_func, "login_url", None) or settings.LOGIN_URL)


class RemoteUserMiddleware(middleware.RemoteUserMiddleware):
    """Django's class; it leaves the event loop once at the most, to load a user and to log in or out.

    Django's own makes a hop for each step of that. Where async methods of your own take part
    (backends, session stores, ``aclean_username``), Django's coroutine awaits them.
    """

    async_capable = True

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        if not REMOTE_USER_HAS_HOOKS:
            return await super().__acall__(request)
        twin = awaitable_twin(self, "process_request")
        if twin is None or self._is_overridden_behind:
            await run_in_worker(self.process_request, request)
        else:
            await twin(request)
        response: HttpResponseBase = await self.get_response(request)  # type: ignore[misc]
        return response

    async def aprocess_request(self, request: HttpRequest) -> None:
        if is_awaited(self, request, self._has_sync_overrides):
            await super().aprocess_request(request)
        else:
            hook = super(RemoteUserMiddleware, reading_as_async(self)).process_request
            await run_in_worker(hook, request)

    @cached_property
    def _is_overridden_behind(self) -> bool:
        """Whether a class between this and Django's overrides Django's hook."""
        return overridden_behind(self, self._position, "process_request")

    @cached_property
    def _has_sync_overrides(self) -> bool:
        """Whether a subclass overrides what Django's hook calls, like ``clean_username()``."""
        return helper_overridden(self, self._position)

    @property
    def _position(self) -> int:
        return type(self).__mro__.index(RemoteUserMiddleware) + 1


class PersistentRemoteUserMiddleware(
    RemoteUserMiddleware, middleware.PersistentRemoteUserMiddleware
):
    """Django's class; it leaves the event loop as :class:`RemoteUserMiddleware` does."""

    async_capable = True
