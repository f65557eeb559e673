"""Who has which worker, and who gets one: no threads, no waiting, the pool's lock is held."""

from __future__ import annotations

import functools
import queue
import weakref
from collections import OrderedDict
from collections.abc import Callable
from math import inf
from time import monotonic
from typing import Any, Final, TypeVar

from django_asynckit.conf import worker_settings
from django_asynckit.workers.job import LAG, Job
from django_asynckit.workers.lease import Lease
from django_asynckit.workers.worker import Worker, nobody

#: For how many seconds a call counts as a short one, and for how many after its last one a lease counts.
SHORT: Final = 0.1
RECENT: Final = 0.1
#: For so many seconds more a call counts as short where the event loop is late: where the processors are
#: busy each call takes longer, and more threads would not help.
_MOST_FOR_LAG: Final = 1.0
_LONG_AGO: Final = float("-inf")
T = TypeVar("T")


class Register:
    """The workers: those that nobody has, those at rest, those at work, those that are being closed."""

    def __init__(
        self, new_worker: Callable[[], Worker], look_again: Callable[[Worker], None]
    ) -> None:
        self._new_worker = new_worker
        #: What a worker does whose lease was dropped by everybody, and not ended.
        self._look_again = look_again
        self.workers: set[Worker] = set()
        #: Workers that nobody has: the last in is the first out.
        self.idle: list[Worker] = []
        #: Workers whose lease runs nothing, in the order since when that counts.
        self.resting: OrderedDict[Worker, float] = OrderedDict()
        #: Those of them that may be taken from their lease.
        self.lendable: OrderedDict[Worker, None] = OrderedDict()
        #: The leases that run limited calls, in the order since when each runs the one it runs now.
        self.running: OrderedDict[Lease, float] = OrderedDict()
        #: Workers that are being closed; what they get meanwhile, they do next.
        self.ending: dict[Worker, None] = {}
        #: When the first of the leases that were counted last stops counting. It is kept,
        #: since asking the clock again could miss the very moment that a waiting lease is for.
        self.next_change = inf

    @property
    def closing(self) -> int:
        """How many workers are being closed and have no lease yet."""
        return len(self.ending)

    def take(self, lease: Lease, is_limited: bool) -> bool:
        """Find a worker for ``lease``, which has none, and say whether there was one."""
        worker = self._free_worker() if is_limited else self._any_worker()
        return self._give(lease, worker)

    def _give(self, lease: Lease, worker: Worker | None) -> bool:
        if worker is None:
            return False
        worker.lease = weakref.ref(lease, functools.partial(self._drop, worker.inbox))
        lease.worker = worker
        return True

    def _drop(self, inbox: queue.SimpleQueue[Any], _lease: object) -> None:
        # No lock: the code that drops a lease may hold the pool's.
        inbox.put(self._look_again)

    def reserve(self, lease: Lease, has_room: bool) -> None:
        """Find a worker with a connection for ``lease``, or keep a place for it if there is room.

        It counts although it has run nothing yet.
        """
        if self._give(lease, self._connected_worker(has_room)):
            assert lease.worker is not None
            self.resting[lease.worker] = monotonic()
            self.lendable[lease.worker] = None

    def _connected_worker(self, has_room: bool) -> Worker | None:
        worker = self._idle_worker()
        if worker is None and has_room:
            worker = self._any_worker()
            # Not for longer: it may never query.
            worker.place_is_kept_until = monotonic() + SHORT
        if worker is None:
            lent = next((one for one in self.lendable if one.has_place), None)
            worker = None if lent is None else self._lend(lent)
        return worker

    def _idle_worker(self) -> Worker | None:
        """Return the one with a connection that was used last, if nobody has it."""
        worker = next((one for one in reversed(self.idle) if one.has_place), None)
        if worker is not None:
            self.idle.remove(worker)
        return worker

    def begin(self, lease: Lease, job: Job) -> None:
        """Note that the worker of ``lease`` gets ``job``."""
        assert lease.worker is not None
        self._wake(lease.worker)
        lease.running += 1
        lease.counts_at_rest = job.is_limited
        if job.is_limited:
            lease.limited += 1
            self.running.setdefault(lease, monotonic())

    def end(self, lease: Lease, job: Job) -> None:
        """Note that ``job`` has ended."""
        lease.running -= 1
        if job.is_limited:
            lease.limited -= 1
            del self.running[lease]
            if lease.limited:
                self.running[lease] = monotonic()

    def rest(self, lease: Lease) -> Worker | None:
        """Note that ``lease`` runs nothing; return its worker if that must be closed now."""
        worker = lease.own_worker()
        if worker is None or lease.running:
            return None
        if worker not in self.resting:
            self.resting[worker] = monotonic() if lease.counts_at_rest else _LONG_AGO
            self.resting.move_to_end(worker, last=lease.counts_at_rest)
        self.lendable.pop(worker, None)
        if lease.gives_back():
            return self.detach(worker)
        if lease.may_lend():
            self.lendable[worker] = None
        return None

    def detach(self, worker: Worker) -> Worker:
        """Take ``worker`` from its lease, to be closed."""
        self._take_from_lease(worker)
        self.ending[worker] = None
        return worker

    def closed(self, worker: Worker) -> bool:
        """Note that ``worker`` was closed; say whether it stays."""
        if worker not in self.ending:
            return True  # Another lease has it already.
        del self.ending[worker]
        if worker in self.workers and self._keeps_workers():
            self.idle.append(worker)
            return True
        self.workers.discard(worker)
        return False

    def _keeps_workers(self) -> bool:
        settings = worker_settings()
        return settings.reuse and len(self.workers) <= max(settings.limit, settings.at_once)

    def lost(self, worker: Worker) -> None:
        """Note that ``worker`` is no more."""
        self._take_from_lease(worker)
        self.workers.discard(worker)
        self.ending.pop(worker, None)

    def _counted(self) -> tuple[int, list[Worker]]:
        """Count short calls, and find the workers that count although they rest, the latest first.

        Note when that changes.
        """
        now, short_for = monotonic(), SHORT + LAG.grace(_MOST_FOR_LAG)
        short = _later_than(now - short_for, self.running)
        recent = _later_than(now - RECENT, self.resting)
        self.next_change = min(
            self.running[short[-1]] + short_for if short else inf,
            self.resting[recent[-1]] + RECENT if recent else inf,
        )
        return len(short), recent

    def _free_worker(self) -> Worker | None:
        """Return a worker for calls that are limited, if one more may run."""
        limit, (short, recent) = worker_settings().at_once, self._counted()
        if short + len(self.ending) + len(recent) < limit:
            if self.idle or self.ending or len(self.workers) < limit:
                return self._any_worker()
            oldest = next(iter(self.lendable), None)
            # All rest and keep what they have: one more than the limit, so that nobody waits for them.
            return self._any_worker() if oldest is None else self._lend(oldest)
        if self._ends_soon():
            return self._any_worker()
        # Who counts and has nothing to keep makes room for the next one.
        latest = next((worker for worker in recent if worker in self.lendable), None)
        return None if latest is None else self._lend(latest)

    def _ends_soon(self) -> bool:
        return (
            bool(self.ending)
            and next(reversed(self.ending)) in self.workers
            and self._keeps_workers()
        )

    def _any_worker(self) -> Worker:
        # It is the one used last, and a short wait is cheaper than a thread with cold caches.
        if self._ends_soon():
            return self.ending.popitem()[0]
        if self.idle:
            # One that is connected first, for the call may query.
            return self._idle_worker() or self.idle.pop()
        worker = self._new_worker()
        self.workers.add(worker)
        return worker

    def _lend(self, worker: Worker) -> Worker:
        worker.is_lent = True
        return self._take_from_lease(worker)

    def _take_from_lease(self, worker: Worker) -> Worker:
        self._wake(worker)
        lease = worker.lease()
        worker.lease = nobody
        if lease is not None:
            lease.forget_worker()
        return worker

    def _wake(self, worker: Worker) -> None:
        self.resting.pop(worker, None)
        self.lendable.pop(worker, None)


def _later_than(horizon: float, times: OrderedDict[T, float]) -> list[T]:
    """Return what is later than ``horizon`` in ``times``, which is in their order; the latest first."""
    found = []
    for one, since in reversed(times.items()):
        if since <= horizon:
            break
        found.append(one)
    return found
