"""One cache for ``request.user`` and ``await request.auser()``."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.contrib import auth
from django.http import HttpRequest
from django.utils.functional import LazyObject, SimpleLazyObject, empty
from django.utils.module_loading import import_string

from django_asynckit._bridge import run_in_worker
from django_asynckit.middleware._mro import position
from django_asynckit.middleware._sessions import (
    is_loaded_or_empty,
    load_natively,
    overrides_aload,
    reads_in_memory,
)
from django_asynckit.middleware._trial import SESSION_KEYS, tried_user
from django_asynckit.middleware._user_classes import user_class

_Identity = tuple[Any, ...]
_MISSING: Final = object()


def get_user(request: HttpRequest) -> Any:
    """Return the user of ``request``, loading session and user if needed (blocks)."""
    user = _known_user(request)
    return user if user is not None else _remember(request, auth.get_user(request))


async def auser(request: HttpRequest, lazy_user: SimpleLazyObject[Any]) -> Any:
    """Return the user of ``request``: no hop if it is known or nobody is logged in, else one.

    ``lazy_user`` is what the middleware assigned to ``request.user``; another value there was
    assigned by somebody else, and wins.
    """
    assigned = request.__dict__.get("user", lazy_user)
    if assigned is not lazy_user:
        if isinstance(assigned, LazyObject) and assigned.__dict__["_wrapped"] is empty:
            await run_in_worker(bool, assigned)
        return assigned
    user = _known_user(request)
    if user is not None:
        return user
    if await _user_is_awaitable(request):
        return _remember(request, await auth.aget_user(request))
    user = await run_in_worker(_get_user_unless_async, request)
    return user if user is not None else _remember(request, await auth.aget_user(request))


def _get_user_unless_async(request: HttpRequest) -> Any:
    """Return the user, or ``None`` if the backend's own ``aget_user`` must say; the session is loaded then."""
    if backend_awaits_natively(request.session.get(auth.BACKEND_SESSION_KEY)):
        return None
    return get_user(request)


def _known_user(request: HttpRequest) -> Any:
    """Return the user if no I/O is needed: the cached one, or one who was found ahead, else ``None``."""
    user = _cached_user(request)
    if user is None:
        user = tried_user(request)
        if user is not None:
            _remember(request, user)
    return user


def _cached_user(request: HttpRequest) -> Any:
    """Return the cached user while the session still names the same one, else ``None``."""
    user = getattr(request, "_cached_user", None)
    if user is None:
        return None
    remembered = getattr(request, "_asynckit_user", None)
    if remembered is None or remembered[0] is not user:
        return user  # Set by somebody else.
    return user if remembered[1] == _identity(request) else None


def _remember(request: HttpRequest, user: Any) -> Any:
    request._cached_user = user  # type: ignore[attr-defined]
    request._asynckit_user = (user, _identity(request))  # type: ignore[attr-defined]
    return user


def _identity(request: HttpRequest) -> _Identity | object:
    """Return what names the user in the session; nothing is loaded, and nothing equals unknown."""
    session = request.session
    if not reads_in_memory(type(session)):
        return (session,)  # Cannot be looked into: one user per session object, as with Django's.
    data = session.__dict__.get("_session_cache")
    if data is None:
        return object()
    return tuple(data.get(key) for key in SESSION_KEYS)


async def _user_is_awaitable(request: HttpRequest) -> bool:
    """Whether ``auth.aget_user()`` neither hops nor passes over a sync method of the user's.

    Django's own stores and backends hop at each step, so that one hop for all is cheaper, unless
    nobody is logged in. A session is loaded here only if its store can be awaited.
    """
    if not (is_loaded_or_empty(request) or await load_natively(request)):
        if not overrides_aload(type(request.session)):
            return False
        await request.session._aget_session()  # type: ignore[attr-defined]
    if request.session.get(auth.SESSION_KEY) is None:
        return True
    return backend_awaits_natively(request.session.get(auth.BACKEND_SESSION_KEY))


def backend_awaits_natively(backend_path: Any) -> bool:
    """Whether the backend's ``aget_user`` is its own, nearer than ``get_user``, and hashes are CPU only."""
    if backend_path not in settings.AUTHENTICATION_BACKENDS:
        return False
    backend: Any = import_string(backend_path)
    if not isinstance(backend, type):
        return False  # A factory function.
    user_model = auth.get_user_model()
    djangos, hashes = (
        user_class("AbstractBaseUser"),
        ("get_session_auth_hash", "get_session_auth_fallback_hash"),
    )
    owner, sync_owner = position(backend, "aget_user"), position(backend, "get_user")
    if owner > sync_owner or backend.__mro__[owner].__module__.startswith("django."):
        return False
    return owner < sync_owner or all(
        getattr(user_model, name, None) in (None, getattr(djangos, name, _MISSING))
        for name in hashes
    )
