"""What differs between the supported versions of Django, Python and asgiref."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from inspect import CO_COROUTINE
from types import FunctionType
from typing import TYPE_CHECKING, Any, TypeGuard

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
    "MiddlewareMixin",
    "iscoroutinefunction",
    "markcoroutinefunction",
    "run_receivers",
]


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
