"""Calls functions of the user's, of whatever kind, from async code and from sync code."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from django_asynckit._bridge import run_in_worker, to_sync
from django_asynckit._compat import iscoroutinefunction
from django_asynckit.middleware._hooks import is_non_blocking

#: A view, or what a decorator is put on: it keeps its type.
V = TypeVar("V", bound=Callable[..., Any])


class Decorator(Protocol):
    """What a call like ``login_required(login_url="/in/")`` returns."""

    def __call__(self, view: V, /) -> V:
        """Return ``view``, decorated."""


def is_async(func: Any) -> bool:
    """Whether calling ``func`` returns a coroutine: also an object with an async ``__call__``."""
    return iscoroutinefunction(func) or iscoroutinefunction(getattr(func, "__call__", None))  # noqa: B004


async def call(func: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Return what ``func`` returns: awaited, or inline if it is marked, or in one hop."""
    if is_async(func) or is_non_blocking(func):
        result = func(*args, **kwargs)
    else:
        result = await run_in_worker(func, *args, **kwargs)
    return await resolved(result)


async def resolved(result: Any) -> Any:
    """Return ``result``; await it first, if a sync function returned an awaitable."""
    return await result if inspect.isawaitable(result) else result


def as_sync(func: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``func`` as sync code can call it, also if it returns an awaitable without saying so."""

    def run(*args: Any, **kwargs: Any) -> Any:
        result = func(*args, **kwargs)
        return to_sync(resolved)(result) if inspect.isawaitable(result) else result

    return run
