"""Runs ``process_exception`` hooks, with a hop only for those that may block."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Any

from django.http import HttpRequest

from django_asynckit._asgiref import behind_async_to_sync
from django_asynckit.handler.errors import run_for
from django_asynckit.middleware import AsyncMiddlewareMixin
from django_asynckit.middleware._hooks import Mode, awaitable_hook, is_non_blocking

Hook = Callable[..., Any]


class ExceptionHooks:
    """The exception hooks of a chain: neighbours that run the same way form one group."""

    def __init__(self, methods: Iterable[Hook]) -> None:
        adapted = [_adapt(method) for method in methods]
        self._groups = [
            (mode, [hook for _, hook in group])
            for mode, group in groupby(adapted, key=lambda item: item[0])
        ]

    async def run(self, request: HttpRequest, exception: Exception) -> Any:
        """Return the first response that a hook gives for the exception being handled, or ``None``."""
        for mode, hooks in self._groups:
            if mode is Mode.TWIN:
                response = await _first_awaited(hooks, request, exception)
            elif mode is Mode.INLINE:
                response = _first(hooks, request, exception)
            else:
                response = await run_for(request, exception, _first, hooks, request, exception)
            if response:
                return response
        return None


def _adapt(method: Hook) -> tuple[Mode, Hook]:
    """Undo Django's adaption to sync code, which is how it always runs these hooks."""
    adapted = behind_async_to_sync(method)
    if adapted is not None:
        return Mode.TWIN, adapted
    middleware = getattr(method, "__self__", None)
    if isinstance(middleware, AsyncMiddlewareMixin):
        mode = middleware._mode("process_exception")
        if mode is Mode.TWIN:
            return mode, awaitable_hook(middleware, "process_exception")
        return mode, method
    return (Mode.INLINE if is_non_blocking(method) else Mode.HOP), method


def _first(hooks: Iterable[Hook], request: HttpRequest, exception: Exception) -> Any:
    for hook in hooks:
        response = hook(request, exception)
        if response:
            return response
    return None


async def _first_awaited(hooks: Iterable[Hook], request: HttpRequest, exception: Exception) -> Any:
    for hook in hooks:
        response = await hook(request, exception)
        if response:
            return response
    return None
