"""Threads that are no workers, or workers that wait in ``async_to_sync``: asgiref's executors."""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from django_asynckit._sync_frames import (
    call_before_it_goes_on,
    outer_executor,
    put_in_front,
    thread_that_waits,
    waits_no_more,
)
from django_asynckit.workers.added import may_be_copied
from django_asynckit.workers.lease import Lease
from django_asynckit.workers.seat import Seat
from django_asynckit.workers.worker import Worker

_SEAT: Final = "_asynckit_seat"


class Guest(Protocol):
    """Something that must not stay open in a thread when it goes on."""

    def end_here(self) -> None:
        """End it, in the running thread; nothing is raised."""


class ThreadSeat(Seat):
    """The thread of one of asgiref's executors.

    From the first block that holds it on, what is submitted to the executor goes through
    ``route``: an attribute of that one executor, which dies with it.

    What a thread that waits in ``async_to_sync`` has open is its guests: it ends them before it goes on,
    since the sync code behind would write into them.
    """

    def __init__(self, executor: Any, route: Callable[[ThreadSeat, Any], Seat]) -> None:
        super().__init__()
        self._executor = weakref.ref(executor)
        self._route = route
        self._connections: dict[str, BaseDatabaseWrapper] = {}
        self.successor: Any = None
        #: The thread that waits in ``async_to_sync``, if it is one that does.
        self._waits = waits = thread_that_waits(executor)
        #: The request whose worker that is.
        self.lease: Lease | None = waits.lease() if isinstance(waits, Worker) else None
        self.is_shared = waits is not None and self.lease is None
        #: What is open in the thread that waits, the last one last; only that thread changes it.
        self._guests: list[Guest] | None = None
        self._has_gone_on = False
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
        self.take_over()

    def note_call(self) -> None:
        super().note_call()
        # Their blocks are open on the same connection.
        for seat in self._seats_around():
            if seat.thread() is self.thread():
                Seat.note_call(seat)
        if self.lease is not None:
            self.lease.note_call()

    def connections(self) -> dict[str, BaseDatabaseWrapper]:
        return self._connections if self.lease is None else self.lease.connections()

    def may_be_copied(self) -> bool:
        if self.lease is not None:
            return self.lease.may_be_copied()
        return may_be_copied(self._connections.values())

    def look_at_connections(self) -> None:
        self._connections = {one.alias: one for one in connections.all(initialized_only=True)}

    def end(self, successor: Any) -> None:
        """Give ``successor``, an executor, all calls that come when the thread waits no more."""
        self.successor = successor
        self.take_over()

    def thread(self) -> threading.Thread | None:
        return self._waits

    def is_same_thread(self, seat: Seat) -> bool:
        """Whether what runs at ``seat`` runs in this thread, while it waits."""
        return seat is self or (self._waits is not None and seat.thread() is self._waits)

    def is_above(self, other: ThreadSeat | None) -> bool:
        """Whether what comes to ``other`` runs only when the thread has left the sync frame of this one."""
        return other is None or any(seat is other for seat in self._seats_around())

    def _seats_around(self) -> Iterator[ThreadSeat]:
        """Return those of the sync frames around this one, the innermost first, as far as they have one."""
        executor = self._executor()
        while executor is not None:
            executor = outer_executor(executor)
            if executor is not None and _SEAT in vars(executor):
                yield vars(executor)[_SEAT]

    def waits_no_more(self) -> bool:
        """Whether the thread goes on, or is about to."""
        executor = self._executor()
        return executor is not None and waits_no_more(executor)

    def add_guest(self, guest: Guest) -> bool:
        """Have ``guest`` ended before the thread, which runs this, goes on; return whether it will be."""
        if self._has_gone_on:
            return False
        if self._guests is None:
            executor = self._executor()
            if executor is None or not call_before_it_goes_on(executor, self._go_on):
                return False
            self._guests = []
        self._guests.append(guest)
        return True

    def remove_guest(self, guest: Guest) -> None:
        """Forget ``guest``, which has ended."""
        with contextlib.suppress(ValueError):
            (self._guests or []).remove(guest)

    def _go_on(self) -> None:
        """End what was left open: the sync code behind ``async_to_sync`` must not write into it."""
        executor, guests = self._executor(), self._guests or []
        outer = None if executor is None else outer_executor(executor)
        if guests and outer is not None:
            # Else what goes on there of code whose block is ended would write in no block.
            seat_of(outer, self._route).take_over()
        while guests:
            guests.pop().end_here()
        self._waits, self._has_gone_on = None, True
        self.successor = self.successor or outer

    def take_over(self) -> None:
        """Have all calls that come from now on routed, and noted by the blocks that are open here."""
        executor = self._executor()
        if executor is not None:
            put_in_front(executor, self._submit_routed)

    def _submit_routed(self, call: Callable[..., Any], /, *args: Any) -> Any:
        seat = self._route(self, call)
        if self.is_shared or self.is_same_thread(seat):
            # A thread that waits takes work from here only, and from nowhere once it has gone on.
            self.note_call()
            return self._submit_here(call, *args)
        return seat.submit(call, *args)

    def _submit_here(self, call: Callable[..., Any], /, *args: Any) -> Any:
        if self.successor is None:
            return self.submit(call, *args)
        with contextlib.suppress(RuntimeError):
            if not waits_no_more(self._executor()):
                return self.submit(call, *args)
        return self.successor.submit(call, *args)


def seat_of(executor: Any, route: Callable[[ThreadSeat, Any], Seat]) -> ThreadSeat:
    """Return the seat of ``executor``; there is one for each."""
    attributes = vars(executor)
    seat: ThreadSeat = attributes.get(_SEAT) or attributes.setdefault(
        _SEAT, ThreadSeat(executor, route)
    )
    return seat
