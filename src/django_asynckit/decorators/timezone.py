"""``override()`` of ``django.utils.timezone``, also as a decorator of async functions."""

from __future__ import annotations

import zoneinfo
from functools import wraps
from typing import Any

from django.utils import timezone

from django_asynckit._bridge import run_in_worker
from django_asynckit._compat import iscoroutinefunction
from django_asynckit.decorators._calling import V

__all__ = ["override"]


class override(timezone.override):
    """Use a time zone in a ``with`` block, or while a decorated function runs, sync or async.

    ``timezone`` is a ``tzinfo``, a name, or ``None`` for the default. Follows
    :class:`django.utils.timezone.override`, whose decorator is over before a coroutine begins. The
    zone holds for the task that runs the function, and for tasks that it starts. The file of a zone
    that is given by name is read in one hop, at the first call.
    """

    def __call__(self, func: V) -> V:
        if not iscoroutinefunction(func):
            return super().__call__(func)

        @wraps(func)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            if isinstance(self.timezone, str):
                self.timezone = await run_in_worker(zoneinfo.ZoneInfo, self.timezone)
            # Not self, which remembers the zone before; two calls may run at once.
            with timezone.override(self.timezone):
                return await func(*args, **kwargs)

        return wrapper  # type: ignore[return-value]
