"""``ATOMIC_REQUESTS`` for async views."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import Any, Final

from django.db import connections

from django_asynckit.db.transaction import aatomic

View = Callable[..., Coroutine[Any, Any, Any]]

#: Nobody wraps a view as often; but an object may say of itself that it wraps something, without end.
_DEEPEST: Final = 50


def make_async_view_atomic(view: View, prepare: Callable[[View], View] = lambda view: view) -> View:
    """Return ``view`` in a transaction on each database with ``ATOMIC_REQUESTS``, or as it is.

    ``non_atomic_requests`` counts also on a view that a decorator has wrapped with ``functools.wraps``.
    Django's own method is then told that there is nothing left to do: it refuses async views.
    ``prepare(view)`` is what runs in the transaction.
    """
    aliases = [alias for alias, one in connections.settings.items() if one["ATOMIC_REQUESTS"]]
    if not aliases:
        return view
    view = prepare(view)
    for alias in [alias for alias in aliases if not _is_excluded(view, alias)]:
        view = aatomic(using=alias)(view)

    @functools.wraps(view)
    async def atomic(*args: Any, **kwargs: Any) -> Any:
        return await view(*args, **kwargs)

    vars(atomic)["_non_atomic_requests"] = set(aliases)
    return atomic


def _is_excluded(view: Any, alias: str) -> bool:
    for _ in range(_DEEPEST):
        if alias in getattr(view, "_non_atomic_requests", ()):
            return True
        view = getattr(view, "__wrapped__", None) or getattr(view, "func", None)
        if view is None:
            break
    return False
