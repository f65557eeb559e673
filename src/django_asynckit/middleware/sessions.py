"""Drop-in for ``django.contrib.sessions.middleware``."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.contrib.sessions import middleware
from django.contrib.sessions.backends import signed_cookies
from django.contrib.sessions.backends.base import SessionBase, UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.http import http_date

from django_asynckit._bridge import run_in_worker
from django_asynckit.conf import setting
from django_asynckit.middleware._mro import is_untouched
from django_asynckit.middleware._sessions import (
    is_awaited,
    is_made_in_memory,
    reads_in_memory,
)
from django_asynckit.middleware._stores import native_store
from django_asynckit.middleware.mixin import AsyncMiddlewareMixin
from django_asynckit.types import GetResponse


class SessionMiddleware(AsyncMiddlewareMixin, middleware.SessionMiddleware):
    """Django's class; it leaves the event loop only to save a session.

    Signed-cookie sessions are saved inline. A store whose async methods are its own is awaited.
    Any other session is saved by Django's whole ``process_response`` in one hop.
    """

    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        super().__init__(get_response)
        if self.async_mode:
            self.SessionStore = native_store(self.SessionStore)
        # A subclass may put another store there after this.
        self._made_in_memory = self.SessionStore if is_made_in_memory(self.SessionStore) else None

    async def aprocess_request(self, request: HttpRequest) -> None:
        if self.SessionStore is self._made_in_memory:
            super().process_request(request)
        else:
            await run_in_worker(super().process_request, request)

    async def aprocess_response(self, request: HttpRequest, response: Any) -> Any:
        session = getattr(request, "session", None)
        hook = super().process_response
        if _is_unused(session, request) and is_untouched(hook, middleware):
            return response
        store: Any = type(session)
        if session is None or store is signed_cookies.SessionStore:
            return hook(request, response)
        if not reads_in_memory(store) or not isinstance(session, SessionBase):
            return await run_in_worker(hook, request, response)
        if not _will_be_saved(session):
            return hook(request, response)
        if is_awaited(session) and is_untouched(hook, middleware):
            return await _save(request, response)
        return await run_in_worker(hook, request, response)


def _is_unused(session: object, request: HttpRequest) -> bool:
    """Whether Django's ``process_response()`` would do nothing, as for most anonymous requests."""
    return (
        isinstance(session, SessionBase)
        and reads_in_memory(type(session))
        and not session.accessed
        and not session.modified
        and session.session_key is None
        and not request.COOKIES
        and not setting("SESSION_SAVE_EVERY_REQUEST")
    )


def _will_be_saved(session: SessionBase) -> bool:
    modified = session.modified or setting("SESSION_SAVE_EVERY_REQUEST")
    return bool(modified) and not session.is_empty()


async def _save(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Mirror the saving part of Django's ``process_response()`` with the store's async methods."""
    session = request.session
    accessed = session.accessed
    if await session.aget_expire_at_browser_close():
        max_age = expires = None
    else:
        max_age = await session.aget_expiry_age()
        expires = http_date(time.time() + max_age)
    # Sessions are not saved for server errors.
    if response.status_code < 500:
        try:
            await session.asave()
        except UpdateError:
            raise SessionInterrupted(  # noqa: B904
                "The request's session was deleted before the request completed. The user may "
                "have logged out in a concurrent request, for example."
            )
        _set_cookie(session, response, max_age, expires)
        accessed = True
    if accessed:
        patch_vary_headers(response, ("Cookie",))
    return response


def _set_cookie(
    session: SessionBase,
    response: HttpResponseBase,
    max_age: int | None,
    expires: str | None,
) -> None:
    response.set_cookie(
        settings.SESSION_COOKIE_NAME,
        session.session_key,  # type: ignore[arg-type]
        max_age=max_age,
        expires=expires,
        domain=settings.SESSION_COOKIE_DOMAIN,
        path=settings.SESSION_COOKIE_PATH,
        secure=settings.SESSION_COOKIE_SECURE or False,
        httponly=settings.SESSION_COOKIE_HTTPONLY or False,
        samesite=settings.SESSION_COOKIE_SAMESITE,
    )
