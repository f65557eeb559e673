"""Starts the threads of workers, which takes a while, when the pool's lock is free."""

from __future__ import annotations

import threading
from collections.abc import Callable

from django_asynckit.workers.worker import Owner, Worker


class Starter:
    """Workers of ``owner`` that were made with the pool's lock held and have no thread yet.

    ``fail`` is called with a worker for which the system had no thread, and with the error.
    """

    def __init__(
        self,
        lock: threading.RLock,
        owner: Owner,
        fail: Callable[[Worker, RuntimeError], None],
    ) -> None:
        self._lock = lock
        self._owner = owner
        self._fail = fail
        self._made: list[Worker] = []
        #: How many workers it has made.
        self.count = 0

    def make(self) -> Worker:
        """Return a new worker; the caller holds the lock, and calls :meth:`start` without it."""
        worker = Worker(self._owner)
        self._made.append(worker)
        self.count += 1
        return worker

    def start(self) -> bool:
        """Start all workers that were made, and say if there were any; the caller does not hold the lock."""
        has_made = bool(self._made)
        while self._made:
            with self._lock:
                workers, self._made = self._made, []
            for worker in workers:
                try:
                    worker.start()
                except RuntimeError as error:  # The system gives no more threads.
                    self._fail(worker, error)
        return has_made
