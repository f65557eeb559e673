"""What happens to the workers when their process forks or ends."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import os
import threading
from collections.abc import Iterable
from typing import Final

from django.db import connections

from django_asynckit.workers.pool import Pool
from django_asynckit.workers.worker import Worker

#: For how long the end of the process, or of the server's lifespan, waits for workers, in seconds.
JOIN_SECONDS: Final = 2.0


def watch(pool: Pool, *locks: threading.RLock) -> None:
    """End the workers of ``pool`` with their process, and let no child inherit them, nor ``locks``.

    Whoever takes one of ``locks`` may take the pool's after it.
    """
    atexit.register(pool.shut_down, JOIN_SECONDS)
    # There is no fork on Windows.
    if hasattr(os, "register_at_fork"):
        fork = _Fork(pool, locks)
        os.register_at_fork(
            before=fork.before, after_in_parent=fork.in_parent, after_in_child=fork.in_child
        )


class _Fork:
    def __init__(self, pool: Pool, locks: Iterable[threading.RLock]) -> None:
        self._pool = pool
        self._locks = list(locks)
        self._inherited: list[object] = []

    def before(self) -> None:
        for lock in (*self._locks, self._pool.lock):
            lock.acquire()
        self._inherited = [
            connection for worker in self._pool.workers() for connection in worker.connections.raw()
        ]

    def in_parent(self) -> None:
        self._inherited = []
        for lock in (self._pool.lock, *self._locks):
            lock.release()

    def in_child(self) -> None:
        """Forget the workers, whose threads are not here, without closing what they had.

        A driver that lets go of a connection says goodbye on the socket of the parent, whose
        connection that would end.
        """
        for connection in self._inherited:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))
        self._inherited = []
        _forget_own_connections()
        self._pool.forget_leases()
        self._pool.__init__()  # type: ignore[misc]
        for lock in self._locks:
            lock.release()


def _forget_own_connections() -> None:
    """If a worker forked: its thread goes on here, with connections that are the parent's."""
    if isinstance(threading.current_thread(), Worker):
        for alias in connections:
            with contextlib.suppress(AttributeError):
                del connections[alias]
