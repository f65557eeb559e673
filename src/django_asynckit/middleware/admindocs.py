"""Drop-in for ``django.contrib.admindocs.middleware``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.contrib.admindocs import middleware
from django.http import HttpRequest

from django_asynckit._bridge import run_in_worker
from django_asynckit.middleware._current_user import can_be_read
from django_asynckit.middleware.mixin import AsyncMiddlewareMixin

_CONTAINERS: Final = (list, tuple, set, frozenset)


class XViewMiddleware(AsyncMiddlewareMixin, middleware.XViewMiddleware):
    """Django's class; it leaves the event loop only for ``HEAD`` requests, to load the user."""

    async_capable = True

    async def aprocess_view(
        self,
        request: HttpRequest,
        view_func: Callable[..., Any],
        view_args: tuple[Any, ...],
        view_kwargs: dict[str, Any],
    ) -> Any:
        args = (request, view_func, view_args, view_kwargs)
        if request.method != "HEAD" or await _is_decided_in_memory(request):
            return super().process_view(*args)
        return await run_in_worker(super().process_view, *args)


async def _is_decided_in_memory(request: HttpRequest) -> bool:
    """Whether address and user, who is loaded if need be, can be looked at without I/O."""
    internal_ips = settings.INTERNAL_IPS
    return type(internal_ips) in _CONTAINERS and (
        request.META.get("REMOTE_ADDR") in internal_ips
        or await can_be_read(request, "is_active", "is_staff")
    )
