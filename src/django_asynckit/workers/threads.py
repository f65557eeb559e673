"""Threads that are no workers, or workers that wait in ``async_to_sync``: asgiref's executors."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, Final

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from django_asynckit._bridge import thread_that_waits
from django_asynckit.workers.added import may_be_copied
from django_asynckit.workers.lease import Lease
from django_asynckit.workers.seat import Seat
from django_asynckit.workers.worker import Worker

_SEAT: Final = "_asynckit_seat"


class ThreadSeat(Seat):
    """The thread of one of asgiref's executors.

    From the first block that holds it on, what is submitted to the executor goes through
    ``route``: an attribute of that one executor, which dies with it.
    """

    def __init__(self, executor: Any, route: Callable[[ThreadSeat, Any], Seat]) -> None:
        super().__init__()
        self._executor = weakref.ref(executor)
        self._route = route
        self._connections: dict[str, BaseDatabaseWrapper] = {}
        self.successor: Any = None
        waits = thread_that_waits(executor)
        #: The request whose worker waits in ``async_to_sync``.
        self.lease: Lease | None = waits.lease() if isinstance(waits, Worker) else None
        self.is_shared = waits is not None and self.lease is None
        #: Whether it is known if the sync code that waits is inside of a transaction.
        self.is_known = self.lease is None

    def submit(self, call: Callable[..., Any], /, *args: Any) -> Any:
        executor = self._executor()
        assert executor is not None
        return type(executor).submit(executor, call, *args)

    def post(self, function: Callable[[], None]) -> bool:
        executor = self._executor()
        if executor is None:
            return False
        try:
            type(executor).submit(executor, function)
        except RuntimeError:  # It takes no more work.
            return False
        return True

    def hold(self, count: int) -> None:
        super().hold(count)
        if self.lease is not None:
            self.lease.holds += count
        self._take_over()

    def connections(self) -> dict[str, BaseDatabaseWrapper]:
        return self._connections if self.lease is None else self.lease.connections()

    def may_be_copied(self) -> bool:
        if self.lease is not None:
            return self.lease.may_be_copied()
        return may_be_copied(self._connections.values())

    def look_at_connections(self) -> None:
        self._connections = {one.alias: one for one in connections.all(initialized_only=True)}

    def end(self, successor: Any) -> None:
        """Give ``successor``, an executor, all calls from now on: the thread will wait no more."""
        self.successor = successor
        self._take_over()

    def _take_over(self) -> None:
        executor = self._executor()
        if executor is not None:
            vars(executor).setdefault("submit", self._submit_routed)

    def _submit_routed(self, call: Callable[..., Any], /, *args: Any) -> Any:
        if self.successor is not None:
            return self.successor.submit(call, *args)
        return self._route(self, call).submit(call, *args)


def seat_of(executor: Any, route: Callable[[ThreadSeat, Any], Seat]) -> ThreadSeat:
    """Return the seat of ``executor``; there is one for each."""
    attributes = vars(executor)
    seat: ThreadSeat = attributes.get(_SEAT) or attributes.setdefault(
        _SEAT, ThreadSeat(executor, route)
    )
    return seat
