"""What kind of function something is."""

from __future__ import annotations

from typing import Any

from django_asynckit._compat import iscoroutinefunction


def is_async(func: Any) -> bool:
    """Whether calling ``func`` gives a coroutine: also a partial, and an object with ``__call__``."""
    return iscoroutinefunction(func) or iscoroutinefunction(getattr(func, "__call__", None))  # noqa: B004
