"""Loads the session and the user of a request ahead, side effects on both put off."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import Any

from django.contrib import auth
from django.contrib.auth import middleware as djangos
from django.contrib.sessions.backends import signed_cookies
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.utils.functional import LazyObject, empty

from django_asynckit._bridge import run_in_worker
from django_asynckit.middleware._lazy import lazy
from django_asynckit.middleware._replay import aload_ahead, is_ahead, load_ahead, peek
from django_asynckit.middleware._sessions import (
    is_awaited,
    overrides_aload,
    reads_in_memory,
)
from django_asynckit.middleware._trial import Trial, has_trial
from django_asynckit.middleware._users import auser, backend_awaits_natively, get_user

_NEEDED = {
    "session": "django.contrib.sessions.middleware.SessionMiddleware",
    "user": "django.contrib.auth.middleware.AuthenticationMiddleware",
}


def require(request: HttpRequest) -> None:
    """Raise ``ImproperlyConfigured`` where there is no session or no user to load."""
    for name, path in _NEEDED.items():
        if not hasattr(request, name):
            raise ImproperlyConfigured(
                f"PreloadUserMiddleware needs request.{name}. Edit your MIDDLEWARE setting to "
                f"insert '{path}' before "
                "'django_asynckit.middleware.preload.PreloadUserMiddleware'."
            )


async def aload(request: HttpRequest) -> None:
    """Load session and user: one hop at the most, and none where nothing blocks."""
    session: Any = request.session
    store: Any = type(session)
    if not _is_needed(session):
        return
    _adopt_user(request)
    if not reads_in_memory(store):
        await run_in_worker(_read, request)
        return
    if _is_unread(session) and not await _load_without_hop(session):
        await run_in_worker(_load_but_for_async_user, request)
    if _is_user_needed(request):
        if _is_user_awaitable(request):
            await Trial(request).afind()
        else:
            await run_in_worker(_find_user, request)


def load(request: HttpRequest) -> None:
    """Load session and user in this thread (blocks)."""
    session: Any = request.session
    store: Any = type(session)
    if not _is_needed(session):
        return
    _adopt_user(request)
    if not reads_in_memory(store):
        _read(request)
        return
    if _is_unread(session):
        load_ahead(session)
    if _is_user_needed(request):
        _find_user(request)


async def _load_without_hop(session: Any) -> bool:
    store: Any = type(session)
    if store is signed_cookies.SessionStore:
        load_ahead(session)
        return True
    if is_awaited(session) or overrides_aload(store):
        await aload_ahead(session)
        return True
    return False


def _load_but_for_async_user(request: HttpRequest) -> None:
    """Load session and user in one; a user whose backend can be awaited is left to the event loop."""
    load_ahead(request.session)
    if _is_user_needed(request) and not _is_user_awaitable(request):
        _find_user(request)


def _find_user(request: HttpRequest) -> None:
    """Find the user ahead; one of somebody else's lazy objects is evaluated, which counts as read."""
    if _user_function(request) is get_user:
        Trial(request).find()
        return
    try:
        bool(request.user)
    except Exception as error:
        request.user = lazy(_Failure(error))


def _read(request: HttpRequest) -> None:
    """Read a session that cannot be loaded without being read, and the user."""
    with contextlib.suppress(Exception):  # Raised again where they are read.
        request.session.get(auth.SESSION_KEY)
        bool(request.user)


def _is_needed(session: Any) -> bool:
    """Whether the request came with a session, or an earlier middleware logged somebody in."""
    store: Any = type(session)
    if not reads_in_memory(store):
        return getattr(session, "session_key", "") is not None
    return session.session_key is not None or auth.SESSION_KEY in peek(session)


def _is_unread(session: Any) -> bool:
    return not (
        "_session_cache" in session.__dict__ or is_ahead(session) or session.session_key is None
    )


def _is_user_needed(request: HttpRequest) -> bool:
    function = _user_function(request)
    if function is get_user:
        return auth.SESSION_KEY in peek(request.session) and not has_trial(request)
    return function is not None and not isinstance(function, _Failure)


def _is_user_awaitable(request: HttpRequest) -> bool:
    path = peek(request.session).get(auth.BACKEND_SESSION_KEY)
    return _user_function(request) is get_user and backend_awaits_natively(path)


class _Failure:
    """Raises what went wrong when somebody else's user was loaded."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __call__(self) -> None:
        raise self._error


def _user_function(request: HttpRequest) -> Any:
    """Return what finds ``request.user`` when it is first read, or ``None`` if it is there already."""
    user = request.__dict__.get("user")
    if not isinstance(user, LazyObject) or user.__dict__["_wrapped"] is not empty:
        return None
    function = user.__dict__.get("_setupfunc", user)
    return getattr(function, "func", function)


def _adopt_user(request: HttpRequest) -> None:
    """Put our lazy user in the place of the one of Django's ``AuthenticationMiddleware``."""
    if getattr(_user_function(request), "__module__", "") != djangos.__name__:
        return
    user = request.user = lazy(partial(get_user, request))
    if getattr(request.auser, "func", None) is djangos.auser:
        request.auser = partial(auser, request, user)
