"""What differs between the supported versions of Django, Python and asgiref."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
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
    "greenlet_is_installed",
    "iscoroutinefunction",
    "markcoroutinefunction",
    "run_receivers",
]


async def run_receivers(*coroutines: Coroutine[Any, Any, Any]) -> list[Any]:
    """Await async signal receivers side by side, the way this Django's ``Signal.asend()`` does."""
    run_parallel = getattr(dispatcher, "_run_parallel", None)
    if run_parallel is not None:
        results: list[Any] = await run_parallel(*coroutines)
        return results
    return list(await asyncio.gather(*coroutines))


def greenlet_is_installed() -> bool:
    """Whether the optional package greenlet is there: the extra ``django-asynckit[greenlet]``."""
    try:
        import greenlet  # noqa: F401
    except ImportError:
        return False
    return True
