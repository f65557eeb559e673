"""Which workers may hold a database connection: as many as ``ASYNCKIT_WORKERS`` says."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Final

from django_asynckit.conf import worker_settings
from django_asynckit.exceptions import WorkerTimeout
from django_asynckit.workers import register as books
from django_asynckit.workers.job import LAG
from django_asynckit.workers.register import Register
from django_asynckit.workers.worker import Worker

logger = logging.getLogger("django_asynckit.workers")

#: How often who waits looks for himself, in seconds: time passes without a word from anybody.
_LOOK_EVERY: Final = 0.05
#: A wait of more seconds is logged, and once in so many.
_LONG: Final = 1.0
#: For so many seconds more a request counts that keeps its connection and runs nothing where the event loop is
#: late: it may have ended, which the loop only has to come to. For longer it waits for something else.
_MOST_FOR_LAG: Final = 3.0


class Places:
    """The places of a pool. A worker takes one before it connects, and waits for it in its thread.

    It gives that back when all its connections are closed. One that nobody needs now, of a worker that
    may be lent, is emptied by ``empty`` for who waits. ``lock`` is the pool's.
    """

    def __init__(
        self, lock: threading.RLock, register: Register, empty: Callable[[Worker], None]
    ) -> None:
        self._lock = lock
        self._register = register
        self._empty = empty
        #: Who waits, first come, first served.
        self._turns: deque[threading.Event] = deque()
        self._logged = 0.0
        #: How many have waited, the longest wait in seconds, and how many waited in vain.
        self.served = 0
        self.longest = 0.0
        self.timed_out = 0

    def __len__(self) -> int:
        return len(self._turns)

    def taken(self) -> int:
        """Return how many workers have a place."""
        return sum(worker.has_place for worker in list(self._register.workers))

    def take(self, worker: Worker) -> None:
        """Give ``worker``, whose thread runs this, a place; ``WorkerTimeout`` if there is none for long."""
        with self._lock:
            if worker.has_place or self._take_now(worker):
                return
            lease = worker.lease()
            has_hope = any(True for _ in self._free()) or lease.is_patient
        if lease.has_given_up and not has_hope:
            raise _timeout()
        self._wait(worker, threading.Event())

    def give_back(self, worker: Worker) -> None:
        """Note that ``worker`` has no open connection left."""
        if not worker.has_place:
            return  # Only its own thread takes one.
        with self._lock:
            worker.has_place = False
            self.call_next()

    def has_no_queue(self) -> bool:
        """Whether nobody waits for a place; with the lock held."""
        return not self._turns

    def has_room(self) -> bool:
        """Whether one more worker could have a place now; with the lock held."""
        return not self._turns and self._is_below_limit()

    def call_next(self) -> None:
        """Let who comes next look whether there is a place; with the lock held."""
        if self._turns:
            self._turns[0].set()

    def _wait(self, worker: Worker, turn: threading.Event) -> None:
        lease, since = worker.lease(), monotonic()
        until = since + worker_settings().wait_seconds
        with self._lock:
            self._turns.append(turn)
        try:
            while not self._has_come(worker, turn):
                if monotonic() >= until and not lease.is_patient:
                    lease.has_given_up = True
                    raise _timeout()
                turn.wait(_LOOK_EVERY)
                turn.clear()
        finally:
            self._end_wait(worker, turn, since)

    def _end_wait(self, worker: Worker, turn: threading.Event, since: float) -> None:
        with self._lock:
            self._turns.remove(turn)
            self.call_next()
            now, others = monotonic(), len(self)
            self.longest = max(self.longest, now - since)
            self.served += worker.has_place
            self.timed_out += not worker.has_place
            is_worth_a_word = now - since > _LONG or not worker.has_place
            # One line a second says it.
            is_logged = is_worth_a_word and now - self._logged > _LONG
            if is_logged:
                self._logged = now
        if is_logged:
            _log(now - since, others, in_vain=not worker.has_place)

    def _has_come(self, worker: Worker, turn: threading.Event) -> bool:
        with self._lock:
            if self._turns[0] is not turn:
                return False
            if self._must_not_wait(worker) or self._is_below_limit():
                self._give(worker)
                return True
            self._make_room()
            return False

    def _take_now(self, worker: Worker) -> bool:
        is_kept = worker.place_is_kept_until > monotonic()
        has_place = is_kept or self._must_not_wait(worker) or self.has_room()
        if has_place:
            self._give(worker)
        return has_place

    def _give(self, worker: Worker) -> None:
        worker.has_place, worker.place_is_kept_until = True, 0.0
        lease = worker.lease()
        if lease is not None:
            lease.has_given_up = False

    def _must_not_wait(self, worker: Worker) -> bool:
        """Whether others wait for it, or its request is over: then it is above the limit if need be."""
        lease = worker.lease()
        return lease is None or not lease.limited

    def _is_below_limit(self) -> bool:
        now = monotonic()
        horizon = now - books.RECENT - LAG.grace(_MOST_FOR_LAG)
        counted = sum(
            worker.place_is_kept_until > now or (worker.has_place and self._counts(worker, horizon))
            for worker in self._register.workers
        )
        return counted < worker_settings().limit

    def _counts(self, worker: Worker, horizon: float) -> bool:
        """Whether it works, or will not for long hold what it has."""
        since = self._register.resting.get(worker)
        if since is not None:
            return worker in self._register.lendable or since > horizon
        lease = worker.lease()
        return lease is None or lease.limited > 0

    def _make_room(self) -> None:
        """Have a connection closed that nobody needs now, unless one is being closed for each who waits."""
        free = list(self._free())
        ending = [worker for worker in free if worker in self._register.ending]
        if len(ending) < min(len(self._turns), len(free)):
            self._empty(free[len(ending)])

    def _free(self) -> Iterator[Worker]:
        """Return who has a place that nobody needs now, those first that will give it back anyway.

        Not those without a lease: there are none while there are more workers than places.
        """
        free = (*self._register.ending, *self._register.lendable)
        return (worker for worker in free if worker.has_place)


def _log(seconds: float, others: int, *, in_vain: bool) -> None:
    logger.warning(
        "A request waited %.1f s %sfor a database connection, and %d more wait: "
        "ASYNCKIT_WORKERS = %d were in use.",
        seconds,
        "in vain " if in_vain else "",
        others,
        worker_settings().limit,
    )


def _timeout() -> WorkerTimeout:
    settings = worker_settings()
    return WorkerTimeout(
        f"No database connection was free within {settings.wait_seconds:g} s "
        f"(ASYNCKIT_WORKER_WAIT_SECONDS): as many as may be, ASYNCKIT_WORKERS = {settings.limit}, "
        "were in use by other requests all the time."
    )
