"""Mixins of ``django.contrib.auth.mixins``, for sync and async class-based views."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Final

from django.conf import settings
from django.contrib.auth import mixins
from django.http import HttpRequest

from django_asynckit.decorators import _permissions, _users
from django_asynckit.decorators._calling import as_sync, call, is_async, resolved
from django_asynckit.middleware._current_user import is_plain
from django_asynckit.middleware._hooks import is_non_blocking, may_block
from django_asynckit.middleware._login_urls import is_plain_url

__all__ = ["AccessMixin", "LoginRequiredMixin", "PermissionRequiredMixin", "UserPassesTestMixin"]

#: What Django's ``handle_no_permission()`` calls and reads.
_HELPERS: Final = ("get_login_url", "get_permission_denied_message", "get_redirect_field_name")
_ATTRIBUTES: Final = (
    "login_url",
    "permission_denied_message",
    "raise_exception",
    "redirect_field_name",
)


class AccessMixin(mixins.AccessMixin):
    """Base class of the others, with Django's attributes and methods.

    ``handle_no_permission()`` may be overridden with a coroutine function. In an async view an
    override that is sync makes one hop, unless it is marked with
    :func:`~django_asynckit.middleware.non_blocking`. Follows
    :class:`django.contrib.auth.mixins.AccessMixin`.
    """


class LoginRequiredMixin(AccessMixin):
    """Refuse those who are not logged in.

    In an async view it makes no hop but for loading the user. Follows
    :class:`django.contrib.auth.mixins.LoginRequiredMixin`.
    """

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        dispatch: Any = super().dispatch  # type: ignore[misc]
        if _is_async(self):
            return _adispatch(self, self._ais_authenticated, dispatch, request, args, kwargs)
        if not request.user.is_authenticated:
            return as_sync(self.handle_no_permission)()
        return dispatch(request, *args, **kwargs)

    async def _ais_authenticated(self, request: HttpRequest) -> bool:
        return await _users.is_authenticated(await _users.user_of(request))


class PermissionRequiredMixin(AccessMixin):
    """Refuse those without the permissions in ``permission_required``.

    ``has_permission()`` may be overridden with a coroutine function, and sync overrides hop, as in
    :class:`AccessMixin`. In an async view permissions are asked for as
    :func:`~django_asynckit.decorators.auth.permission_required` does. Follows
    :class:`django.contrib.auth.mixins.PermissionRequiredMixin`.
    """

    permission_required: Any = None
    get_permission_required: Any = mixins.PermissionRequiredMixin.get_permission_required
    has_permission: Any = mixins.PermissionRequiredMixin.has_permission

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        dispatch: Any = super().dispatch  # type: ignore[misc]
        if _is_async(self):
            return _adispatch(self, self._ahas_permission, dispatch, request, args, kwargs)
        if not as_sync(self.has_permission)():
            return as_sync(self.handle_no_permission)()
        return dispatch(request, *args, **kwargs)

    async def _ahas_permission(self, request: HttpRequest) -> Any:
        if not _is_djangos(self, "has_permission", mixins.PermissionRequiredMixin):
            return await call(self.has_permission)
        if _runs_inline(self, "get_permission_required", mixins.PermissionRequiredMixin) and (
            not _may_block(self, "permission_required")
        ):
            perms = self.get_permission_required()
        else:
            perms = await call(self.get_permission_required)
        return await _permissions.has_perms(await _users.user_of(request), perms)


class UserPassesTestMixin(AccessMixin):
    """Refuse those for whom ``test_func()`` returns something false.

    It may be a coroutine function. In an async view a sync one makes one hop, unless it is marked
    with :func:`~django_asynckit.middleware.non_blocking`. Follows
    :class:`django.contrib.auth.mixins.UserPassesTestMixin`.
    """

    test_func: Any = mixins.UserPassesTestMixin.test_func
    get_test_func: Any = mixins.UserPassesTestMixin.get_test_func

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        dispatch: Any = super().dispatch  # type: ignore[misc]
        if _is_async(self):
            return _adispatch(self, self._apasses_test, dispatch, request, args, kwargs)
        if not as_sync(self.get_test_func())():
            return as_sync(self.handle_no_permission)()
        return dispatch(request, *args, **kwargs)

    async def _apasses_test(self, _request: HttpRequest) -> Any:
        if _runs_inline(self, "get_test_func", mixins.UserPassesTestMixin):
            return await call(self.get_test_func())
        return await call(await call(self.get_test_func))


def _is_async(view: Any) -> bool:
    return bool(getattr(view, "view_is_async", False))


async def _adispatch(
    view: Any,
    is_allowed: Callable[[HttpRequest], Awaitable[Any]],
    dispatch: Callable[..., Any],
    request: HttpRequest,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    if not await is_allowed(request):
        return await _refuse(view)
    return await resolved(dispatch(request, *args, **kwargs))


async def _refuse(view: Any) -> Any:
    """Return what ``handle_no_permission()`` returns; the user whom Django's looks at is loaded before."""
    method = view.handle_no_permission
    if is_async(method):
        await _users.load_user(view.request)  # It may call Django's.
    elif _refuses_inline(view) and (
        view.raise_exception or is_plain(await _users.user_of(view.request), "is_authenticated")
    ):
        return method()
    return await call(method)


def _refuses_inline(view: Any) -> bool:
    """Whether Django's ``handle_no_permission()`` runs, and nothing in it may block."""
    return (
        _is_djangos(view, "handle_no_permission", mixins.AccessMixin)
        and all(_runs_inline(view, name, mixins.AccessMixin) for name in _HELPERS)
        and not any(_may_block(view, name) for name in _ATTRIBUTES)
        and is_plain_url(view.login_url or settings.LOGIN_URL)
    )


def _is_djangos(view: Any, name: str, mixin: Any) -> bool:
    method = getattr(view, name)
    return getattr(method, "__func__", None) is getattr(mixin, name)


def _runs_inline(view: Any, name: str, mixin: Any) -> bool:
    return _is_djangos(view, name, mixin) or is_non_blocking(getattr(view, name))


def _may_block(view: Any, name: str) -> bool:
    """Whether reading an attribute of ``view`` runs code that is not known to be free of I/O."""
    of_class = inspect.getattr_static(type(view), name)
    return hasattr(of_class, "__get__") and may_block(of_class)
