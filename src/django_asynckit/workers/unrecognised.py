"""Calls of which it cannot be seen which function they run."""

from __future__ import annotations

import logging
import threading
from typing import Any, Final

import asgiref

from django_asynckit import _asgiref
from django_asynckit._threads import BESIDE

logger = logging.getLogger("django_asynckit.workers")

_TEXT: Final = (
    "It cannot be seen which function a call runs in a worker: it came as %s. %s Such a call may "
    "have left anything on a database connection. So its request keeps its worker to the end "
    "instead of lending it, also where ASYNCKIT_WORKER_HOLD is 'call', and caches connect anew for "
    "it. All answers are right; there may be more connections. statistics().unrecognised counts "
    "these calls."
)
_WRAPPED: Final = (
    "Most likely a tracing tool puts a function of its own around what asgiref hands to an "
    "executor; if it used functools.wraps() or functools.partial(), that would be seen."
)


class Unrecognised:
    """Counts such calls, and logs the first one."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self.count = 0

    def note(self, call: Any) -> None:
        """Note that ``call`` is one; without the pool's lock, since a thread may be started."""
        with self._lock:
            self.count += 1
            is_first = self.count == 1
        if is_first:
            # In a thread, since it may block.
            BESIDE.submit(logger.warning, _TEXT, _name(call), _reason())


def _reason() -> str:
    if _asgiref.IS_REVIEWED:
        return _WRAPPED
    return f"asgiref {asgiref.__version__} was not reviewed: see check asynckit.W023."


def _name(call: Any) -> str:
    """Return what kind of object ``call`` is; what it holds may be long, or lazy."""
    named = call if hasattr(call, "__qualname__") else type(call)
    return f"{named.__module__}.{named.__qualname__}"
