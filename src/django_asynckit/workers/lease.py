"""One request's hold on a worker."""

from __future__ import annotations

import inspect
import weakref
from collections import deque
from collections.abc import Callable
from types import GeneratorType
from typing import Any

from django_asynckit._bridge import called_with
from django_asynckit.conf import worker_settings
from django_asynckit.workers.job import Job
from django_asynckit.workers.worker import Worker


class Lease:
    """What the pool knows of one request; the pool's lock guards it.

    ``reclaim`` is called on the worker if the lease is dropped by everybody and was not ended.
    """

    def __init__(self, reclaim: Callable[[Worker], None]) -> None:
        self._reclaim = reclaim
        self.worker: Worker | None = None
        #: Calls for which there is no worker yet.
        self.waiting: deque[Job] = deque()
        #: How many calls its worker runs or has in its inbox, and how many of them are limited.
        self.running = 0
        self.limited = 0
        #: Whether the last of them was limited.
        self.counts_at_rest = False
        #: Whether the request is over, and whether its end must still be seen to.
        self.has_ended = False
        self.must_close = False
        #: Whether it waits for others most of the time, and keeps nothing meanwhile.
        self.is_streaming = False
        #: What is left on the worker's connections by what it ran.
        self.is_stateless = True
        self.is_in_transaction = False
        #: How many blocks of code keep it where it is.
        self.pins = 0
        self._generators: list[weakref.ref[Any]] = []

    def __del__(self) -> None:
        # No lock: the code that drops it may hold the pool's.
        worker = self.worker
        if worker is not None:
            worker.inbox.put(self._reclaim)

    def keeps_open(self) -> bool:
        """Whether an iterator or a block of code needs this very worker again."""
        self._generators = [one for one in self._generators if _is_suspended(one())]
        return bool(self.pins or self._generators)

    def note_generators(self, job: Job, result: Any, look_again: Callable[[Worker], None]) -> None:
        """Remember the sync generators that ``job`` has got or returned, while they are open."""
        assert self.worker is not None
        inbox = self.worker.inbox
        for value in (*called_with(job.call), result):
            if isinstance(value, GeneratorType):
                self._generators.append(weakref.ref(value, lambda _: inbox.put(look_again)))

    def gives_back(self) -> bool:
        """Whether its worker, which runs nothing, is to be closed now."""
        if self.keeps_open():
            return False
        if self.must_close:
            return True
        if self.is_in_transaction:
            return False
        if self.has_ended or worker_settings().hold == "call":
            return True
        return self.is_streaming and self.is_stateless

    def may_lend(self) -> bool:
        """Whether its worker may go to another request as it is."""
        return self.is_stateless and not self.is_in_transaction and not self.keeps_open()

    def forget_worker(self) -> None:
        """Begin anew: the next call takes another worker."""
        self.worker = None
        self.is_stateless = True
        self.is_in_transaction = False
        self.must_close = False
        self._generators = []


def _is_suspended(generator: Any) -> bool:
    return generator is not None and inspect.getgeneratorstate(generator) == inspect.GEN_SUSPENDED
