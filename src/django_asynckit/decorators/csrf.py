"""Decorators of ``django.views.decorators.csrf``."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest
from django.middleware.csrf import CsrfViewMiddleware
from django.views.decorators import csrf
from django.views.decorators.csrf import csrf_exempt

from django_asynckit._drift import is_reviewed, native_path
from django_asynckit.decorators._calling import Decorator
from django_asynckit.decorators._from_middleware import (
    decorator_from_middleware,
    make_decorator,
)
from django_asynckit.middleware import csrf as natives
from django_asynckit.middleware import non_blocking

__all__ = ["csrf_exempt", "csrf_protect", "ensure_csrf_cookie", "requires_csrf_token"]

_DJANGOS: Any = csrf


class _EnsureCsrfToken(natives.CsrfViewMiddleware, _DJANGOS._EnsureCsrfToken):  # type: ignore[misc]
    async_capable = True

    @non_blocking
    def _reject(self, request: HttpRequest, reason: str) -> None:
        """Refuse nothing, like Django's; the native class would leave the event loop for it."""


class _EnsureCsrfCookie(natives.CsrfViewMiddleware, _DJANGOS._EnsureCsrfCookie):  # type: ignore[misc]
    async_capable = True

    @non_blocking
    def _reject(self, request: HttpRequest, reason: str) -> None:
        """Refuse nothing, like Django's."""


_REVIEWED: Final = bool(native_path(CsrfViewMiddleware)) and is_reviewed(__name__)


def _decorator(djangos: Any, ours: Any, doc: str) -> Decorator:
    decorator = make_decorator(djangos, ours if _REVIEWED else djangos)()
    decorator.__doc__ = doc
    return decorator


csrf_protect: Decorator = decorator_from_middleware(CsrfViewMiddleware)
csrf_protect.__doc__ = """Check the CSRF token of a view's requests, as ``CsrfViewMiddleware`` does.

Follows :func:`django.views.decorators.csrf.csrf_protect`. On an async view it leaves the event loop
for what may block: a session that must be loaded, a form that is large or has files, and the
failure view.
"""

requires_csrf_token: Decorator = _decorator(
    _DJANGOS._EnsureCsrfToken,
    _EnsureCsrfToken,
    """Let templates of a view find a CSRF token; nothing is refused.

    Follows :func:`django.views.decorators.csrf.requires_csrf_token`.
    """,
)

ensure_csrf_cookie: Decorator = _decorator(
    _DJANGOS._EnsureCsrfCookie,
    _EnsureCsrfCookie,
    """Send the CSRF cookie with each response of a view; nothing is refused.

    Follows :func:`django.views.decorators.csrf.ensure_csrf_cookie`.
    """,
)
