"""Drop-in for ``django.contrib.auth.middleware``."""

from __future__ import annotations

from functools import partial

from django.contrib.auth import middleware
from django.http import HttpRequest

from django_asynckit.middleware._hooks import non_blocking
from django_asynckit.middleware._lazy import lazy
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
        if not self.async_mode or not hasattr(request, "session"):
            super().process_request(request)  # Raises where there is no session.
        else:
            user = lazy(partial(get_user, request))
            request.user = user
            request.auser = partial(auser, request, user)
