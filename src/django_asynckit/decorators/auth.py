"""Decorators of ``django.contrib.auth.decorators``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, overload

from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME, decorators
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from django_asynckit._bridge import run_in_worker
from django_asynckit._compat import iscoroutinefunction
from django_asynckit.decorators import _permissions, _users
from django_asynckit.decorators._calling import Decorator, V, call
from django_asynckit.middleware._login_urls import is_plain_url

__all__ = [
    "login_not_required",
    "login_required",
    "permission_required",
    "user_passes_test",
]

# As they are now: these names may lead to ours one day.
_user_passes_test: Any = decorators.user_passes_test
_login_required: Any = decorators.login_required
_permission_required: Any = decorators.permission_required


def user_passes_test(
    test_func: Callable[[Any], Any],
    login_url: Any = None,
    redirect_field_name: str | None = REDIRECT_FIELD_NAME,
) -> Decorator:
    """Redirect those who do not pass a test to the log-in page.

    ``test_func`` gets the user and may be async. Follows
    :func:`django.contrib.auth.decorators.user_passes_test`. On an async view a sync test makes one
    hop, unless it is marked with :func:`~django_asynckit.middleware.non_blocking`; what it returns
    is awaited if it can be.
    """

    async def test(user: Any) -> bool:
        return bool(await call(test_func, user))

    return for_both(
        _user_passes_test(test_func, login_url, redirect_field_name),
        async_test(test, login_url, redirect_field_name),
    )


@overload
def login_required(
    function: V, redirect_field_name: str | None = ..., login_url: Any = ...
) -> V: ...


@overload
def login_required(
    function: None = ..., redirect_field_name: str | None = ..., login_url: Any = ...
) -> Decorator: ...


def login_required(
    function: Any = None,
    redirect_field_name: str | None = REDIRECT_FIELD_NAME,
    login_url: Any = None,
) -> Any:
    """Redirect those who are not logged in to the log-in page.

    Follows :func:`django.contrib.auth.decorators.login_required`. On an async view it makes no hop
    but for loading the user, with ``await request.auser()``.
    """
    decorator = for_both(
        _login_required(redirect_field_name=redirect_field_name, login_url=login_url),
        async_test(_users.is_authenticated, login_url, redirect_field_name),
    )
    return decorator(function) if function else decorator


def permission_required(
    perm: str | Iterable[str], login_url: Any = None, raise_exception: bool = False
) -> Decorator:
    """Redirect those without a permission, or without all of several, to the log-in page.

    With ``raise_exception`` ``PermissionDenied`` is raised instead. Follows
    :func:`django.contrib.auth.decorators.permission_required`. On an async view nobody is asked in
    a thread about superusers, and about people who are not logged in or not active while all
    backends are Django's; else there is one hop. Async methods of a backend's own are awaited, and
    its sync ones are not passed over.
    """
    perms = (perm,) if isinstance(perm, str) else perm

    async def test(user: Any) -> bool:
        if await _permissions.has_perms(user, perms):
            return True
        if raise_exception:
            raise PermissionDenied
        return False

    return for_both(
        _permission_required(perm, login_url, raise_exception),
        async_test(test, login_url, REDIRECT_FIELD_NAME),
    )


def for_both(for_sync: Any, for_async: Any) -> Decorator:
    """Return a decorator that gives sync views to one, and async views to the other."""

    def decorator(view: V) -> V:
        return (for_async if iscoroutinefunction(view) else for_sync)(view)  # type: ignore[no-any-return]

    return decorator


class _RefusedInThread(Exception):
    """Says that the redirect is to be made in a thread: the log-in URL may do anything to become text."""


def async_test(test: Any, login_url: Any, redirect_field_name: str | None) -> Any:
    """Return Django's decorator with an async ``test``, for async views."""

    async def test_or_raise(user: Any) -> bool:
        passes = bool(await test(user))
        if not passes and not is_plain_url(login_url or settings.LOGIN_URL):
            raise _RefusedInThread
        return passes

    djangos = _user_passes_test(test_or_raise, login_url, redirect_field_name)
    refuse = _user_passes_test(_fails, login_url, redirect_field_name)(_fails)

    def decorator(view: Any) -> Any:
        decorated = djangos(view)

        @wraps(decorated)
        async def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            try:
                return await decorated(request, *args, **kwargs)
            except _RefusedInThread:
                return await run_in_worker(refuse, request)

        return wrapper

    return decorator


def _fails(_user: Any) -> bool:
    return False
