"""Whether Django's coroutine logs a remote user in, or its sync code does all of it in one hop."""

from __future__ import annotations

import functools
from typing import Any, Final

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY
from django.contrib.auth.backends import RemoteUserBackend
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from django.utils.module_loading import import_string

from django_asynckit._compat import remote_username
from django_asynckit.middleware._current_user import is_plain, is_shared, known_user
from django_asynckit.middleware._mro import has_own_twin
from django_asynckit.middleware._sessions import is_loaded_or_empty, prefers_async

#: What Django's hooks call on the middleware, and on backends.
_HELPERS: Final = ("clean_username", "_remove_invalid_user")
_BACKEND_METHODS: Final = ("authenticate", "configure_user", "get_user")


def is_awaited(middleware: Any, request: HttpRequest, has_sync_overrides: bool) -> bool:
    """Whether Django's coroutine is to be awaited: it does no I/O, or async methods of others decide."""
    cls: Any = type(middleware)
    if _has_own_twin(cls, _HELPERS):
        return True
    if has_sync_overrides:
        return False
    return (
        _has_nothing_to_do(middleware, request)
        or not is_shared(request)
        or prefers_async(request.session)
        or any(_is_async(path) for path in settings.AUTHENTICATION_BACKENDS)
    )


def _has_nothing_to_do(middleware: Any, request: HttpRequest) -> bool:
    """Whether header and user agree, as far as can be seen without I/O."""
    name = remote_username(middleware, request)
    if name is None and not middleware.force_logout_if_no_header:
        return True
    user = known_user(request)
    if not is_plain(user, "is_authenticated"):
        return False
    if name is None or not user.is_authenticated:
        return name is None and not user.is_authenticated
    return _has_name(user, name) and _leaves_names_alone(request)


def _has_name(user: Any, name: str) -> bool:
    return (
        getattr(type(user), "get_username", None) is AbstractBaseUser.get_username
        and is_plain(user, user.USERNAME_FIELD)
        and user.get_username() == name
    )


def _leaves_names_alone(request: HttpRequest) -> bool:
    """Whether the backend that logged the user in takes names as they are, as Django's do."""
    if not is_loaded_or_empty(request):
        return False
    path: Any = request.session.get(BACKEND_SESSION_KEY)
    if path not in settings.AUTHENTICATION_BACKENDS:
        return False
    clean_username = getattr(import_string(path), "clean_username", None)
    return clean_username in (None, RemoteUserBackend.clean_username)


def _is_async(backend_path: str) -> bool:
    backend = import_string(backend_path)
    return isinstance(backend, type) and _has_own_twin(backend, _BACKEND_METHODS)


@functools.cache
def _has_own_twin(cls: Any, names: tuple[str, ...]) -> bool:
    return any(has_own_twin(cls, name) for name in names)
