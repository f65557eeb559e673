"""Decorators of ``django.contrib.admin.views.decorators``."""

from __future__ import annotations

from typing import Any, overload

from django.contrib.admin.views import decorators
from django.contrib.auth import REDIRECT_FIELD_NAME

from django_asynckit.decorators._calling import Decorator, V
from django_asynckit.decorators._users import inline_if_plain
from django_asynckit.decorators.auth import async_test, for_both

__all__ = ["staff_member_required"]

_staff_member_required: Any = decorators.staff_member_required


@overload
def staff_member_required(
    view_func: V, redirect_field_name: str | None = ..., login_url: Any = ...
) -> V: ...


@overload
def staff_member_required(
    view_func: None = ..., redirect_field_name: str | None = ..., login_url: Any = ...
) -> Decorator: ...


def staff_member_required(
    view_func: Any = None,
    redirect_field_name: str | None = REDIRECT_FIELD_NAME,
    login_url: Any = "admin:login",
) -> Any:
    """Redirect those who are not active members of the staff to the log-in page of the admin.

    Follows :func:`django.contrib.admin.views.decorators.staff_member_required`. On an async view
    it makes no hop but for loading the user.
    """
    test = inline_if_plain(lambda user: user.is_active and user.is_staff, "is_active", "is_staff")
    decorator = for_both(
        _staff_member_required(redirect_field_name=redirect_field_name, login_url=login_url),
        async_test(test, login_url, redirect_field_name),
    )
    return decorator(view_func) if view_func else decorator
