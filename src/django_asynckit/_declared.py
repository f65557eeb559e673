"""Which middleware a project declares free of I/O, and what is wrong with a declaration."""

from __future__ import annotations

import enum
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from django_asynckit._compat import MiddlewareMixin
from django_asynckit.conf import conf

#: Packages whose middleware runs as it was reviewed to run, declared or not.
_NOT_THIRD_PARTY = ("django", "django_asynckit")


class Style(enum.Enum):
    """How a middleware is called."""

    HOOKS = "hooks"
    CALL = "call"
    ASYNC = "async"


def style_of(middleware: Any) -> Style:
    """Return how ``middleware``, a class or another factory, is called under ASGI.

    ``HOOKS`` is for classes whose ``__call__`` is that of Django's mixin, which runs their hooks;
    ``CALL`` for others that are sync only; ``ASYNC`` for those that see to it themselves.
    """
    if (
        isinstance(middleware, type)
        and issubclass(middleware, MiddlewareMixin)
        and middleware.__call__ is MiddlewareMixin.__call__
        and middleware.__acall__ is MiddlewareMixin.__acall__
    ):
        return Style.HOOKS
    return Style.ASYNC if getattr(middleware, "async_capable", False) else Style.CALL


def is_declared(path: str, middleware: object) -> bool:
    """Whether exactly ``middleware``, which ``path`` names, is declared; not a base class of it.

    Django's own and ours are never: to name one is an error.
    """
    if _package(middleware) in _NOT_THIRD_PARTY:
        return False
    paths = conf.non_blocking_middleware
    return path in paths or any(import_string(other) is middleware for other in paths)


def require_valid() -> None:
    """Raise ``ImproperlyConfigured`` for the first declaration that is wrong."""
    for path in conf.non_blocking_middleware:
        if message := fault(path):
            raise ImproperlyConfigured(message)


def fault(path: str) -> str | None:
    """Return what is wrong with declaring ``path``, and how to mend it."""
    try:
        middleware = import_string(path)
    except ImportError as error:
        return _message(path, f"which cannot be imported ({error}). Correct the path")
    except Exception as error:  # A module may raise anything.
        reason = f"{type(error).__name__}: {error}"
        return _message(path, f"which cannot be imported ({reason}). Mend its module")
    if not callable(middleware):
        return _message(path, "which is no middleware. Name a class or a function")
    if _package(middleware) in _NOT_THIRD_PARTY:
        return _message(
            path,
            "which is not third-party: django-asynckit knows what its hooks may do. Take it out",
        )
    if style_of(middleware) is Style.ASYNC and not getattr(middleware, "sync_capable", True):
        return _message(path, "which is async only and runs on the event loop. Take it out")
    return None


def _package(middleware: Any) -> str:
    return str(getattr(middleware, "__module__", "")).partition(".")[0]


def _message(path: str, what: str) -> str:
    return f"ASYNCKIT_NON_BLOCKING_MIDDLEWARE names {path!r}, {what}."
