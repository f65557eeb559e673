"""Asks the user's permissions on the event loop only where Django would not ask the database."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django.conf import settings
from django.contrib import auth
from django.core.exceptions import PermissionDenied
from django.utils.functional import LazyObject

from django_asynckit._bridge import run_in_worker
from django_asynckit._drift import is_reviewed
from django_asynckit.decorators._users import inline_if_plain
from django_asynckit.middleware._current_user import is_plain
from django_asynckit.middleware._mro import position
from django_asynckit.middleware._user_classes import user_class

_METHODS: Final = ("has_perm", "has_perms", "ahas_perm", "ahas_perms")
#: What Django's ``ModelBackend`` looks at before it looks into the database.
_ATTRIBUTES: Final = ("is_active", "is_superuser", "is_anonymous")
#: What leads to the answer of a backend. An override in one row was made for one way of asking.
_SYNC: Final = (
    "has_perm",
    "get_all_permissions",
    "get_user_permissions",
    "get_group_permissions",
    "_get_permissions",
)
_ASYNC: Final = (
    "ahas_perm",
    "aget_all_permissions",
    "aget_user_permissions",
    "aget_group_permissions",
    "_aget_permissions",
)
_MODEL_BACKENDS: Final = tuple(
    f"django.contrib.auth.backends.{name}"
    for name in ("ModelBackend", "AllowAllUsersModelBackend", "RemoteUserBackend")
)
_is_superuser = inline_if_plain(
    lambda user: user.is_active and user.is_superuser, "is_active", "is_superuser"
)
# Asked for now, since it reads files.
is_reviewed(__name__)


async def has_perms(user: Any, perms: Any) -> bool:
    """Return ``user.has_perms(perms)``: without a hop where nothing blocks, else in one.

    Where the user model or a backend has async methods of its own, nearer than the sync ones,
    these are awaited. Django's ``user.ahas_perms()`` would pass over sync overrides.
    """
    while isinstance(user, LazyObject) and "_wrapped" in user.__dict__:
        user = user.__dict__["_wrapped"]
    if not _is_asked_by_django(type(user)):
        if _awaits(type(user), ("ahas_perms", "ahas_perm"), ("has_perms", "has_perm")):
            return bool(await user.ahas_perms(perms))
    elif is_reviewed(__name__):
        if _is_known(user):
            return bool(user.has_perms(perms))
        awaited = any(_is_awaited(backend) for backend in auth.get_backends())
        if awaited and isinstance(perms, Iterable) and not isinstance(perms, str):
            return await _ask_each(user, perms)
    return bool(await run_in_worker(user.has_perms, perms))


def _is_asked_by_django(cls: Any) -> bool:
    """Whether users of ``cls`` ask the backends the way Django's do."""
    return any(
        all(getattr(cls, name, None) is getattr(djangos, name) for name in _METHODS)
        for djangos in (user_class("PermissionsMixin"), user_class("AnonymousUser"))
        if djangos is not None
    )


def _is_known(user: Any) -> bool:
    """Whether Django finds the answer without a query, or a backend of somebody else's."""
    if not is_plain(user, *_ATTRIBUTES):
        return False
    if user.is_active and user.is_superuser:
        return True
    if any(path not in _MODEL_BACKENDS for path in settings.AUTHENTICATION_BACKENDS):
        return False
    return not user.is_active or user.is_anonymous or "_perm_cache" in user.__dict__


def _is_awaited(backend: Any) -> bool:
    return _awaits(type(backend), _ASYNC, _SYNC)


def _awaits(cls: type[Any], names: tuple[str, ...], sync_names: tuple[str, ...]) -> bool:
    """Whether the nearest of ``names`` is not Django's, and at least as near as ``sync_names``."""
    own = position(cls, *names)
    owner = cls.__mro__[own]
    is_own = owner is not object and not owner.__module__.startswith("django.")
    return is_own and own <= position(cls, *sync_names)


async def _ask_each(user: Any, perms: Iterable[str]) -> bool:
    """Mirror Django's methods, each backend asked in its own way."""
    if await _is_superuser(user):
        return True
    for perm in perms:
        if not await _has_perm(user, perm):
            return False
    return True


async def _has_perm(user: Any, perm: str) -> bool:
    for backend in auth.get_backends():
        try:
            if await _ask(backend, user, perm):
                return True
        except PermissionDenied:
            return False
    return False


async def _ask(backend: Any, user: Any, perm: str) -> bool:
    if _is_awaited(backend):
        return bool(await backend.ahas_perm(user, perm, None))
    if hasattr(backend, "has_perm"):
        return bool(await run_in_worker(backend.has_perm, user, perm, None))
    return False
