"""The leases that wait for a worker, first come, first served."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import logging
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable
from math import inf
from time import monotonic
from typing import Final

from django_asynckit.conf import worker_settings
from django_asynckit.workers.lease import Lease
from django_asynckit.workers.worker import Worker

logger = logging.getLogger("django_asynckit.workers")

#: A wait of more seconds is logged.
_LONG: Final = 1.0


class Waiting:
    """A queue with an alarm clock on each event loop whose code waits, which calls ``wake`` there.

    Each loop has its own, so that none depends on another one, which may be blocked. ``lock``, the
    pool's, guards all of it.
    """

    def __init__(self, wake: Callable[[], None], lock: threading.RLock) -> None:
        self._lock = lock
        self._wake = wake
        self._since: OrderedDict[Lease, float] = OrderedDict()
        #: Who waits on which loop.
        self._on: dict[asyncio.AbstractEventLoop, set[Lease]] = {}
        #: When the next alarm of each loop rings.
        self._alarms: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, float] = (
            weakref.WeakKeyDictionary()
        )
        self._logged = 0.0
        #: How many leases got a worker after a wait, and the longest wait in seconds.
        self.served = 0
        self.longest = 0.0

    def __len__(self) -> int:
        return len(self._since)

    def add(self, lease: Lease) -> None:
        """Put ``lease``, one more call of which waits, at the end, if it does not wait yet."""
        self._since.setdefault(lease, monotonic())
        self._on.setdefault(lease.waiting[-1].loop, set()).add(lease)

    def remove(self, lease: Lease) -> float:
        """Take ``lease`` out, and return for how many seconds it waited."""
        for loop in list(self._on):
            self._forget(lease, loop)
        now = monotonic()
        return now - self._since.pop(lease, now)

    def end(self, lease: Lease) -> None:
        """Take out ``lease``, which has a worker now; a long wait is logged, by that worker."""
        waited, now = self.remove(lease), monotonic()
        self.served += bool(lease.waiting)
        self.longest = max(self.longest, waited)
        if waited > _LONG and now - self._logged > _LONG and lease.worker is not None:
            # One line a second says it; the worker writes it, since that may block.
            self._logged = now
            lease.worker.inbox.put(functools.partial(_log, waited, len(self)))

    def all(self) -> list[Lease]:
        """Return all that wait."""
        return list(self._since)

    def first(self) -> Lease:
        """Return who has waited for longest."""
        return next(iter(self._since))

    def set_alarm(self, when: float) -> None:
        """Have ``wake`` called at ``when``, in the time of ``monotonic()``, or before, on each loop."""
        if when == inf:
            return
        for loop in list(self._on):
            if not self._set_alarm_on(loop, when):
                self._leave(loop)

    def _set_alarm_on(self, loop: asyncio.AbstractEventLoop, when: float) -> bool:
        if loop.is_closed():
            return False
        if self._alarms.get(loop, inf) > when:
            self._alarms[loop] = when
            try:
                # In a context of its own, since that of a request has its lease in it.
                loop.call_soon_threadsafe(self._schedule, loop, when, context=contextvars.Context())
            except RuntimeError:  # It was closed this moment.
                return False
        return True

    def _leave(self, loop: asyncio.AbstractEventLoop) -> None:
        """Forget those who waited on ``loop``, which is closed: nobody awaits them any more."""
        self._alarms.pop(loop, None)
        for lease in list(self._on[loop]):
            self._forget(lease, loop)
            if not any(lease in leases for leases in self._on.values()):
                del self._since[lease]

    def _forget(self, lease: Lease, loop: asyncio.AbstractEventLoop) -> None:
        leases = self._on[loop]
        leases.discard(lease)
        if not leases:
            del self._on[loop]

    def _schedule(self, loop: asyncio.AbstractEventLoop, when: float) -> None:
        loop.call_later(max(0, when - monotonic()), self._ring, loop, when)

    def _ring(self, loop: asyncio.AbstractEventLoop, when: float) -> None:
        with self._lock:
            if self._alarms.get(loop) == when:
                del self._alarms[loop]
        self._wake()


def _log(seconds: float, others: int, _worker: Worker) -> None:
    logger.warning(
        "A request waited %.1f s for a thread, and %d more wait: %d short calls run at once.",
        seconds,
        others,
        worker_settings().at_once,
    )
