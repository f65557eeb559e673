"""Drop-in for ``django.middleware.csrf``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.http import HttpRequest
from django.middleware import csrf

from django_asynckit._bridge import run_in_worker
from django_asynckit.conf import setting
from django_asynckit.middleware._requests import parses_post_in_memory
from django_asynckit.middleware._sessions import is_loaded_or_empty, load_natively
from django_asynckit.middleware.mixin import AsyncMiddlewareMixin

_SAFE_METHODS: Final = ("GET", "HEAD", "OPTIONS", "TRACE")
_CHECKING_INLINE: Final = "_asynckit_csrf_inline"


class _Rejection:
    """Stands for the failure view's response until it is made in a thread."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


class CsrfViewMiddleware(AsyncMiddlewareMixin, csrf.CsrfViewMiddleware):
    """Django's class; it leaves the event loop for what may block.

    That is: a session that must be loaded (``CSRF_USE_SESSIONS``), a form whose parsing may touch
    the disk or run upload handlers, and the failure view. No form is parsed that Django would not
    have parsed.
    """

    async_capable = True

    async def aprocess_request(self, request: HttpRequest) -> None:
        if _is_ready_now(request) or await load_natively(request):
            super().process_request(request)
        else:
            await run_in_worker(super().process_request, request)

    async def aprocess_view(
        self,
        request: HttpRequest,
        callback: Callable[..., Any],
        callback_args: tuple[Any, ...],
        callback_kwargs: dict[str, Any],
    ) -> Any:
        args = (request, callback, callback_args, callback_kwargs)
        if not needs_check(request, callback):
            return super().process_view(*args)
        if not (parses_post_in_memory(request) and _is_ready_now(request)):
            return await run_in_worker(super().process_view, *args)
        setattr(request, _CHECKING_INLINE, True)
        try:
            response: Any = super().process_view(*args)
        finally:
            delattr(request, _CHECKING_INLINE)
        if isinstance(response, _Rejection):
            return await run_in_worker(super()._reject, request, response.reason)  # type: ignore[misc]
        return response

    async def aprocess_response(self, request: HttpRequest, response: Any) -> Any:
        if not request.META.get("CSRF_COOKIE_NEEDS_UPDATE"):
            return response  # Django's hook would do nothing.
        if _is_ready_now(request) or await load_natively(request):
            return super().process_response(request, response)
        return await run_in_worker(super().process_response, request, response)

    def _reject(self, request: HttpRequest, reason: str) -> Any:
        """Put the failure view off while ``process_view()`` runs on the event loop."""
        if getattr(request, _CHECKING_INLINE, False):
            return _Rejection(reason)
        return super()._reject(request, reason)  # type: ignore[misc]


def needs_check(request: HttpRequest, callback: Callable[..., Any]) -> bool:
    """Whether Django's ``process_view()`` goes on to look at the request's token."""
    return not (
        request.method in _SAFE_METHODS
        or getattr(request, "csrf_processing_done", False)
        or getattr(callback, "csrf_exempt", False)
        or getattr(request, "_dont_enforce_csrf_checks", False)
    )


def _is_ready_now(request: HttpRequest) -> bool:
    """Whether the session that Django is about to read for the secret, if any, is in memory."""
    return not setting("CSRF_USE_SESSIONS") or is_loaded_or_empty(request)
