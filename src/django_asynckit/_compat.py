"""What differs between the supported versions of Django, Python and asgiref, and which packages are there."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Coroutine
from importlib.util import find_spec
from inspect import CO_COROUTINE
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final, TypeGuard, TypeVar

import django
from asgiref.sync import iscoroutinefunction as asgiref_iscoroutinefunction
from asgiref.sync import markcoroutinefunction
from django.dispatch import dispatcher

if TYPE_CHECKING:
    from django.utils.deprecation import MiddlewareMixin
else:
    try:
        from django.middleware import MiddlewareMixin
    except ImportError:
        from django.utils.deprecation import MiddlewareMixin

__all__ = [
    "HAS_CSP",
    "HAS_WHITENOISE",
    "LOGIN_REQUIRED_ASKS_USER_FIRST",
    "REMOTE_USER_HAS_HOOKS",
    "MiddlewareMixin",
    "greenlet_is_installed",
    "iscoroutinefunction",
    "markcoroutinefunction",
    "reading_as_async",
    "remote_username",
    "run_receivers",
]

M = TypeVar("M")

#: Django 6.0 brought ``ContentSecurityPolicyMiddleware``.
HAS_CSP: Final = find_spec("django.middleware.csp") is not None

#: Whether the optional package whitenoise is there; it is not imported to find out.
HAS_WHITENOISE: Final = find_spec("whitenoise") is not None

#: Before 6.0 ``LoginRequiredMiddleware`` loads the user of views that need no login too.
LOGIN_REQUIRED_ASKS_USER_FIRST: Final = django.VERSION < (6, 0)

#: ``process_request()`` and ``aprocess_request()`` of ``RemoteUserMiddleware`` came with 5.2.2.
REMOTE_USER_HAS_HOOKS: Final = django.VERSION >= (5, 2, 2)


def iscoroutinefunction(func: Any) -> TypeGuard[Callable[..., Coroutine[Any, Any, Any]]]:
    """asgiref's function of this name, quicker for what ``async def`` makes."""
    if type(func) is FunctionType and func.__code__.co_flags & CO_COROUTINE:
        return True
    return asgiref_iscoroutinefunction(func)


async def run_receivers(*coroutines: Coroutine[Any, Any, Any]) -> list[Any]:
    """Await async signal receivers side by side, the way this Django's ``Signal.asend()`` does."""
    run_parallel = getattr(dispatcher, "_run_parallel", None)
    if run_parallel is not None:
        results: list[Any] = await run_parallel(*coroutines)
        return results
    return list(await asyncio.gather(*coroutines))


def reading_as_async(middleware: M) -> M:
    """Return ``RemoteUserMiddleware`` whose sync code reads the key of ``META`` that its async code reads.

    Before 6.1 the async code alone puts ``HTTP_`` in front of it.
    """
    if hasattr(middleware, "get_username"):
        return middleware  # It adds HTTP_ in sync code too.
    reader: Any = copy.copy(middleware)
    reader.header = f"HTTP_{reader.header}"
    return reader  # type: ignore[no-any-return]


def remote_user_reads_two_keys(middleware: type[Any]) -> bool:
    """Whether ``middleware`` is a ``RemoteUserMiddleware`` whose sync code reads another key than its async code."""
    return not hasattr(middleware, "get_username") and any(
        (one.__module__, one.__name__) == ("django.contrib.auth.middleware", "RemoteUserMiddleware")
        for one in middleware.__mro__
    )


def remote_username(middleware: Any, request: Any) -> str | None:
    """Return the name that the async code of ``RemoteUserMiddleware`` finds in ``request``."""
    get_username = getattr(middleware, "get_username", None)
    try:
        name: str = (
            get_username(request) if get_username else request.META[f"HTTP_{middleware.header}"]
        )
    except KeyError:
        return None
    return name


def greenlet_is_installed() -> bool:
    """Whether the optional package greenlet is there: the extra ``django-asynckit[greenlet]``."""
    try:
        import greenlet  # noqa: F401
    except ImportError:
        return False
    return True
