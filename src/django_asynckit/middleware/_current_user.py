"""Whether ``request.user`` can be read on the event loop, by code of Django's that knows nothing else."""

from __future__ import annotations

import functools
import inspect
from typing import Any, Final

from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest
from django.utils.functional import LazyObject, empty

from django_asynckit.middleware import _users
from django_asynckit.middleware._sessions import is_loaded_or_empty
from django_asynckit.middleware._user_classes import user_class

_MISSING: Final = object()


def is_shared(request: HttpRequest) -> bool:
    """Whether ``request.auser`` is ours, so that ``request.user`` is there once it was awaited."""
    auser = getattr(request, "auser", None)
    return isinstance(auser, functools.partial) and auser.func is _users.auser


async def can_be_read(request: HttpRequest, *names: str) -> bool:
    """Load the user where ``request.auser()`` is ours; return whether reading ``names`` does no I/O.

    Else ``request.user`` is what others put there, and it decides, not their ``request.auser()``.
    """
    if is_shared(request):
        return is_plain(await request.auser(), *names)
    return is_plain(request.__dict__.get("user"), *names)


def known_user(request: HttpRequest) -> Any:
    """Return the user if ``request.auser()`` is ours and would do no I/O now, else ``None``."""
    if not is_shared(request):
        return None
    lazy_user = request.auser.args[1]  # type: ignore[attr-defined]
    assigned = request.__dict__.get("user", lazy_user)
    if assigned is not lazy_user:
        return assigned
    user = _users._cached_user(request)
    if user is None and is_loaded_or_empty(request) and request.session.get(SESSION_KEY) is None:
        return user_class("AnonymousUser")()
    return user


def is_plain(user: Any, *names: str) -> bool:
    """Whether reading the attributes ``names`` of ``user`` runs no code but Django's."""
    while isinstance(user, LazyObject):
        user = user.__dict__["_wrapped"]
    if user is None or user is empty:
        return False
    cls: Any = type(user)
    return cls.__getattribute__ is object.__getattribute__ and all(
        _is_plain_attribute(user, name) for name in names
    )


def _is_plain_attribute(user: Any, name: str) -> bool:
    of_class = inspect.getattr_static(type(user), name, None)
    djangos = user_class("AbstractBaseUser"), user_class("AnonymousUser")
    if any(of_class is getattr(cls, name, _MISSING) for cls in djangos):
        return True
    return not inspect.isdatadescriptor(of_class) and name in getattr(user, "__dict__", ())
