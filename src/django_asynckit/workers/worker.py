"""A thread that runs the blocking code of one request at a time and keeps its connections."""

from __future__ import annotations

import contextlib
import contextvars
import itertools
import logging
import queue
import threading
import weakref
from collections.abc import Callable
from typing import Any, Final, Protocol

from django_asynckit._asgiref import wrap_call
from django_asynckit.conf import worker_settings
from django_asynckit.workers.clients import CacheClients
from django_asynckit.workers.connections import Connections

logger = logging.getLogger("django_asynckit.workers")

_numbers: Final = itertools.count(1)


class Owner(Protocol):
    """What a worker needs of the pool."""

    def leave(self, worker: Worker) -> bool:
        """Whether ``worker`` may end, after ``ASYNCKIT_WORKER_IDLE_SECONDS`` without work."""

    def take_place(self, worker: Worker) -> None:
        """Wait until ``worker``, whose thread runs this, may have database connections."""

    def give_place_back(self, worker: Worker) -> None:
        """Note that it has none any more."""


def nobody() -> None:
    """Stand for the lease of a worker that nobody has."""


class Worker(threading.Thread):
    """A daemon thread with an inbox of functions, each of which is called with the worker."""

    def __init__(self, owner: Owner) -> None:
        super().__init__(name=f"asynckit-worker-{next(_numbers)}", daemon=True)
        self.inbox: queue.SimpleQueue[Callable[[Worker], None] | None] = queue.SimpleQueue()
        # Weak, so that it goes with its thread, and at once: cache clients are closed by that.
        me: Any = weakref.ref(self)
        self.connections = Connections(
            self.inbox.put,
            before_first=lambda: owner.take_place(me()),
            behind_last=lambda: owner.give_place_back(me()),
        )
        #: Whether it holds a database connection, or may at any moment; the pool's lock guards it.
        self.has_place = False
        #: Until when a place is kept for it, in the time of ``monotonic()``.
        self.place_is_kept_until = 0.0
        #: A weak reference to the lease that has this worker.
        self.lease: Callable[[], Any] = nobody
        self._clients = CacheClients()
        self._owner = owner
        self._is_open = False
        self._idle_seconds = worker_settings().idle_seconds
        #: Whether it was taken from one request for another since the last call.
        self.is_lent = False
        #: Whether closing it would change nothing now: so it need not be woken for that.
        self.is_as_if_closed = False

    def run(self) -> None:
        """Take what is in the inbox until there is ``None``, or nothing for long."""
        self.connections.prepare()
        while True:
            try:
                task = self.inbox.get(timeout=self._idle_seconds)
            except queue.Empty:
                if self._owner.leave(self):
                    break
                continue
            if task is None:
                break
            with contextlib.suppress(Exception):  # Of a filter of somebody's log, for example.
                task(self)
            # Else it would live until the next one comes.
            del task
        self._in_new_context(self.connections.clear)

    def call(self, call: Callable[[], Any], is_trusted: bool) -> tuple[Any, BaseException | None]:
        """Run ``call`` in this thread; return its result or its error.

        ``is_trusted`` says that it leaves nothing on a connection, whatever SQL it runs.
        """
        try:
            self._prepare()
            self.connections.trusts_job = is_trusted
            return wrap_call(call, self._clients.lend)(), None
        except BaseException as error:
            return None, error
        finally:
            self.connections.trusts_job = False
            self.connections.note_errors()

    def has_nothing_to_close(self) -> bool:
        """Whether the end of a request has nothing to do here, if it set nothing on a connection."""
        return self.connections.are_kept() and self._clients.are_kept()

    def begin_anew(self) -> None:
        """Do at the next call what the beginning of a request does; while this runs nothing."""
        self._is_open = False

    def drop_connections(self) -> None:
        """Close all connections, for others to have some; while no request has this worker."""
        self._in_new_context(self.connections.close_all)

    def close(self) -> None:
        """Leave nothing of this request for the next one."""
        self._is_open = False
        self._in_new_context(self._close)

    def _prepare(self) -> None:
        was_lent, self.is_lent = self.is_lent, False
        if not self._is_open:
            self._is_open = True
            contextvars.Context().run(self.connections.open)
        elif was_lent:
            contextvars.Context().run(self.connections.lend)
        else:
            self.connections.check_if_others_died()
            return
        try:
            self.lease().carry_to(self.connections)
        except BaseException:
            # Nothing may run on connections that are not as they should be.
            self._is_open = False
            raise

    def _close(self) -> None:
        self.connections.close()
        self._clients.close()

    def _in_new_context(self, function: Callable[[], None]) -> None:
        try:
            contextvars.Context().run(function)
        except Exception:
            self.connections.drop()  # First, since logging may raise too.
            logger.exception("%s could not be closed; its connections are dropped.", self.name)
