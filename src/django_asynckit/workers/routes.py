"""Where a call goes that has to run in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import itertools
import threading
import weakref
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from types import GeneratorType
from typing import Any, Final

from django_asynckit._asgiref import called_with, register_executor, route_to_workers
from django_asynckit._bridge import reset
from django_asynckit._contexts import ask_no_values
from django_asynckit._sync_frames import executor_in_charge, leave_thread, thread_that_waits
from django_asynckit.workers.added import no_second_connection
from django_asynckit.workers.lease import Lease
from django_asynckit.workers.pool import Pool
from django_asynckit.workers.seat import Seat
from django_asynckit.workers.threads import ThreadSeat, seat_of
from django_asynckit.workers.worker import Worker

POOL: Final = Pool()
current_lease: Final[ContextVar[Lease | None]] = ContextVar("asynckit_lease", default=None)
current_route: Final[ContextVar[Route | None]] = ContextVar("asynckit_route", default=None)
#: Guards which block holds what. One that the garbage collector closes may come in between.
LOCK: Final = threading.RLock()


class Route:
    """Sends the calls of a block of code, and of tasks started in it, to one seat.

    The object says for itself whether the block is open: a task may see it for longer.
    """

    def __init__(self, seat: Seat, outer: Route | None) -> None:
        self.seat = seat
        self.outer = outer
        self.is_open = True

    def has_caller(self) -> bool:
        """Whether the running code, in whose context it is, belongs to the block."""
        return True

    def check(self) -> None:
        """Raise ``RuntimeError`` if the running code is in it and others ended it."""


def innermost() -> Route | None:
    """Return the innermost open block of code that the running code belongs to.

    ``RuntimeError`` if it is in one that others ended: nothing may be written outside of it.
    """
    route = current_route.get()
    while route is not None:
        route.check()
        if route.is_open and route.has_caller():
            break
        route = route.outer
    return route


def shared_route() -> Route | None:
    """Return the innermost block if all that runs in its thread has its one connection.

    A lease that begins inside of it uses that connection too, and so belongs to the block.
    """
    route = current_route.get()
    return route if route is not None and route.seat.is_shared else None


class _Router:
    """The executor that asgiref finds under our key: gives each call to the seat that it belongs to."""

    def submit(self, call: Callable[..., Any], /, *args: Any) -> Any:
        return _route(_own_seat(), call).submit(call, *args)


def _route(home: Seat, call: Any) -> Seat:
    """Return where ``call`` runs, which code without a block of its own would run at ``home``."""
    if asyncio._get_running_loop() is None:
        return home
    for value in called_with(call):
        seat = _seat_of_iterator(home, value)
        if seat is not None:
            return seat  # Its cursor is there.
    route = innermost()
    seat = _free(home) if route is None else route.seat
    seat.note_call()
    return seat


def _seat_of_iterator(home: Seat, value: Any) -> Seat | None:
    """Return where ``value`` was begun, if it is a sync generator that has begun."""
    if type(value) is not GeneratorType:  # isinstance() would load a lazy object.
        return None
    if inspect.getgeneratorstate(value) == inspect.GEN_CREATED:
        return None  # Where it begins, it stays.
    seats = list(_seats_around(home))
    known = (seat for seat in seats if value in seat.iterators())
    # Nobody notes what begins in a thread that is no worker's.
    threads = (seat for seat in seats if isinstance(seat, ThreadSeat))
    return next(itertools.chain(known, threads), None)


def _seats_around(home: Seat) -> Iterator[Seat]:
    """Return ``home`` and the seats beside it, then those of the code that runs it as a branch."""
    seat: Seat | None = home
    while seat is not None:
        yield from seat.seats()
        source = seat.source if isinstance(seat, Lease) else None
        seat = None if source is None else source()


ROUTER: Final = _Router()
register_executor(ROUTER)
ask_no_values()


def begin() -> Lease:
    """Give this context, and all tasks started in it, a lease; whoever calls it calls ``end()`` too."""
    lease = Lease(POOL)
    current_lease.set(lease)
    return lease


def inner_lease() -> Lease:
    """Return a new lease for code that the running code waits for, such as a request inside of it."""
    lease, outer = Lease(POOL), current_lease.get()
    if outer is not None:
        lease.never_waits = outer.never_waits
    return lease


def end(lease: Lease) -> None:
    """End ``lease``: its worker is closed behind what it runs. Later calls take one for themselves."""
    # In this order: it gets a worker before its calls stop waiting.
    if lease.waiting or lease.worker is not None:
        POOL.end(lease)
    lease.has_ended = True
    if lease.beside is not None:
        _let_go(lease)


def frame_around() -> ThreadSeat | None:
    """Return the thread that waits for the running code in ``async_to_sync``, if there is one."""
    executor = executor_in_charge()
    return None if thread_that_waits(executor) is None else seat_of(executor, _route)


def home() -> Seat:
    """Return where the calls of the running code go while it is in no block."""
    executor = executor_in_charge()
    return _own_seat() if executor is ROUTER else seat_of(executor, _route)


@contextlib.contextmanager
def outlive_thread() -> Iterator[None]:
    """Let tasks that the block starts go on when the thread that waits for it waits no more."""
    seat, context = seat_of(executor_in_charge(), _route), contextvars.copy_context()
    try:
        yield
    finally:
        context.run(leave_thread)
        seat.end(context.run(executor_in_charge))


def take_place() -> None:
    """Wait in the running thread, if it is a worker, until it may have a database connection."""
    worker = threading.current_thread()
    if isinstance(worker, Worker):
        POOL.take_place(worker)


def _own_seat() -> Lease:
    lease = current_lease.get() or begin()
    while True:
        if lease.instead is not None and not lease.waiting:
            if not POOL.reserve(lease) and POOL.keeps(lease.instead):
                lease.moved_to = lease.instead
            lease.instead = None
        if lease.moved_to is None:
            return lease
        lease = lease.moved_to


def _free(seat: Seat) -> Seat:
    """Return the first seat that no block holds: ``seat`` or one beside it."""
    if not seat.holds:
        return seat
    seat.rescue_blocks()
    with LOCK:
        source = weakref.ref(seat)
        while seat.holds:
            if seat.beside is None:
                if not seat.may_be_copied():
                    raise no_second_connection("A call beside an open aatomic block")
                seat.beside = _lease_like(source)
                seat.beside.never_waits = seat.beside.is_beside = True
            seat = seat.beside
        return seat


def _is_waited_for(home: Seat) -> bool:
    """Whether a worker of this request waits for the code that runs at ``home``."""
    if isinstance(home, ThreadSeat):
        return home.lease is not None
    return isinstance(home, Lease) and home.never_waits


def _lease_like(source: weakref.ref[Seat]) -> Lease:
    lease = Lease(POOL)
    lease.source = source
    return lease


def hold(home: Seat) -> Seat:
    """Give the running block ``home``, or a seat beside it, until :func:`release`."""
    with LOCK:
        seat = _free(home)
        seat.hold(1)
        return seat


def release(seat: Seat) -> None:
    """Give back what :func:`hold` has returned."""
    with LOCK:
        seat.hold(-1)
    # What is beside a seat may have been kept only by a block further in.
    one: Seat | None = seat
    while one is not None:
        behind = _behind(one)
        if not one.holds:
            _let_go(one)
            if behind is None and isinstance(one, Lease) and one.is_beside:
                POOL.let_go(one)  # What it is beside, such as a sync frame, is gone.
        one = behind


def _behind(seat: Seat) -> Seat | None:
    """Return the seat that ``seat`` is beside, or the lease whose worker waits there."""
    if isinstance(seat, Lease):
        return None if seat.source is None else seat.source()
    return seat.lease if isinstance(seat, ThreadSeat) else None


def _let_go(home: Seat) -> None:
    """Take back the workers beside ``home``, for which there is no need while it is free."""
    for seat in home.seats():
        if seat is not home and isinstance(seat, Lease) and not seat.holds:
            POOL.let_go(seat)


@contextlib.contextmanager
def branch(home: Seat, *, must_not_wait: bool = False) -> Iterator[None]:
    """Run the block on a worker beside ``home`` and all others.

    Without a free worker it waits for one, unless it ``must_not_wait``, or the request keeps a
    worker: then it runs on that. Nor may it wait while a worker of this request waits for it.
    """
    must_not_wait = must_not_wait or _is_waited_for(home)
    lease = _lease_like(weakref.ref(home))
    lease.never_waits = must_not_wait
    if isinstance(home, Lease) and not must_not_wait:
        lease.instead = home
    tokens = (
        current_lease.set(lease),
        current_route.set(None),
        leave_thread(),
        route_to_workers(),
    )
    try:
        yield
    finally:
        end(lease)
        reset(*tokens)
