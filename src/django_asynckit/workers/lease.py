"""One request's hold on a worker."""

from __future__ import annotations

import inspect
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from types import GeneratorType
from typing import Any, Protocol

from django.db.backends.base.base import BaseDatabaseWrapper

from django_asynckit.conf import worker_settings
from django_asynckit.workers.added import no_second_connection
from django_asynckit.workers.connections import Connections
from django_asynckit.workers.job import Job
from django_asynckit.workers.seat import Seat
from django_asynckit.workers.worker import Worker


class Lender(Protocol):
    """What a lease needs of the pool."""

    def submit(self, lease: Lease, job: Job) -> None:
        """Run ``job`` on the worker of ``lease``."""

    def pin(self, lease: Lease, count: int) -> None:
        """Keep the worker where it is."""


class Lease(Seat):
    """What the pool knows of one request, which takes a worker at its first call; the pool's lock guards it."""

    worker: Worker | None = None
    #: How many calls its worker runs or has in its inbox, and how many of them are limited.
    running = 0
    limited = 0
    #: Whether the last of them was limited.
    counts_at_rest = False
    #: Whether the request is over, and whether its end must still be seen to.
    has_ended = False
    must_close = False
    #: Whether it waits for others most of the time, and keeps nothing meanwhile.
    is_streaming = False
    #: What is left on the worker's connections by what it ran.
    is_stateless = True
    is_in_transaction = False
    #: Whether it ran a call of which it could not be seen whether an iterator was in it.
    may_keep_iterator = False
    #: How many blocks of code keep it where it is.
    pins = 0
    #: Whether calls get a worker at once, above the limit if need be.
    never_waits = False
    #: Whether they wait for a connection without end: there is nobody left to whom an error could be told.
    is_patient = False
    #: Whether it has waited in vain for a connection, so that its next query does not wait as long again.
    has_given_up = False
    #: Of one beside others: whose connections its own are made like; and whether they are now.
    source: weakref.ref[Seat] | None = None
    is_like_source = False
    #: Whether only calls come there that are kept out of a block.
    is_beside = False
    #: Of one that has had no worker yet: where calls go rather than wait; and where they went.
    instead: Lease | None = None
    moved_to: Lease | None = None
    #: Calls for which there is no worker yet; a queue of its own when the first one comes.
    waiting: deque[Job] = deque(maxlen=0)
    _generators: Sequence[weakref.ref[Any]] = ()

    def __init__(self, lender: Lender) -> None:
        # Each request has one, and most need no thread: all else that it starts with is the class's.
        self._lender = lender

    def submit(self, call: Callable[..., Any], /, *args: Any) -> Any:
        job = Job(call, args)
        self._lender.submit(self, job)
        return job.future

    def post(self, function: Callable[[], None]) -> bool:
        worker = self.own_worker()
        if worker is not None:
            worker.inbox.put(lambda _: function())
        return worker is not None

    def own_worker(self) -> Worker | None:
        """Return its worker, unless that has heard from the garbage collector that the lease is gone.

        Coroutines that are collected with it are closed after that, and must not use what may be
        another request's by then.
        """
        worker = self.worker
        if worker is not None and worker.lease() is not self:
            self.forget_worker()
        return self.worker

    def hold(self, count: int) -> None:
        super().hold(count)
        self._lender.pin(self, count)

    def thread(self) -> Worker | None:
        return self.worker

    def connections(self) -> dict[str, BaseDatabaseWrapper]:
        worker = self.worker
        return {} if worker is None else worker.connections.all()

    def may_be_copied(self) -> bool:
        worker = self.worker
        if worker is not None:
            return worker.connections.may_be_copied()
        source = self._source()
        return source is None or source.may_be_copied()

    def has_own_state(self) -> bool:
        """Whether the request has set on a connection what a class of the user's adds to Django's."""
        worker = self.worker
        return worker is not None and worker.connections.have_own_state()

    def look_at_connections(self) -> None:
        if self.worker is not None:
            self.is_in_transaction = self.worker.connections.in_transaction()

    def iterators(self) -> list[GeneratorType[Any, Any, Any]]:
        found = [one() for one in self._generators]
        return [one for one in found if one is not None and _is_open(one)]

    def carry_to(self, connections: Connections) -> None:
        """Make ``connections``, its worker's, like those of the seat that it is beside."""
        source = self._source()
        if source is not None:
            if not source.may_be_copied():
                raise no_second_connection("A call beside others of its request")
            connections.carry_from(source.connections())
        self.is_like_source = True

    def _source(self) -> Seat | None:
        source = None if self.source is None else self.source()
        if isinstance(source, Lease) and source.source is not None and not source.is_like_source:
            return source._source()  # It has run nothing yet, so what it is to be like counts.
        return source

    def keeps_open(self) -> bool:
        """Whether an iterator or a block of code needs this very worker again."""
        return bool(self.pins or self.iterators())

    def note_generators(self, values: Iterable[Any], look_again: Callable[[Worker], None]) -> None:
        """Remember the sync generators among ``values``, once each, while they are open; by its worker."""
        # isinstance() would load a lazy object.
        found = [value for value in values if type(value) is GeneratorType]
        if not found:
            return
        assert self.worker is not None
        inbox = self.worker.inbox
        noted = [one for one in self._generators if _is_open(one())]
        known = [one() for one in noted]
        self._generators = noted + [
            weakref.ref(value, lambda _: inbox.put(look_again))
            for value in found
            if value not in known
        ]

    def gives_back(self) -> bool:
        """Whether its worker, which runs nothing, is to be closed now."""
        if self.keeps_open():
            return False
        if self.must_close:
            return True
        if self.is_in_transaction:
            return False
        if self.has_ended:
            return True
        if worker_settings().hold == "call":
            return not (self.may_keep_iterator or self.has_own_state())
        return self.is_streaming and self.is_stateless

    def may_lend(self) -> bool:
        """Whether its worker may go to another request as it is."""
        return (
            worker_settings().reuse
            and self.is_stateless
            and not self.is_in_transaction
            and not self.keeps_open()
        )

    def begin_anew(self) -> None:
        """Forget the worker with all that it runs."""
        self.forget_worker()
        self.running = self.limited = 0
        self.waiting.clear()

    def forget_worker(self) -> None:
        """Begin anew: the next call takes another worker."""
        self.worker = None
        self.is_stateless = True
        self.is_in_transaction = False
        self.may_keep_iterator = False
        self.must_close = False
        self.is_like_source = False
        self._generators = ()


def _is_open(generator: Any) -> bool:
    states = (inspect.GEN_SUSPENDED, inspect.GEN_RUNNING)
    return generator is not None and inspect.getgeneratorstate(generator) in states
