"""Which lease the running code has."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from contextvars import Token
from typing import Any

from django_asynckit._asgiref import context_has_thread, route_to_workers
from django_asynckit._bridge import reset, run_in_worker
from django_asynckit.workers.job import WaitingCall
from django_asynckit.workers.process import watch
from django_asynckit.workers.routes import (
    LOCK,
    POOL,
    current_lease,
    current_route,
    end,
    inner_lease,
    shared_route,
)
from django_asynckit.workers.statistics import Statistics

watch(POOL, LOCK)


class RequestLease:
    """``with``: gives the block, which handles a request, a lease.

    What an outer ASGI application began in a thread of its own goes on there.
    """

    __slots__ = ("_lease", "_tokens")

    def __enter__(self) -> None:
        self._lease = inner_lease()
        self._tokens = (
            current_lease.set(self._lease),
            current_route.set(shared_route()),
            self._take_route(),
        )

    def _take_route(self) -> Token[Any] | None:
        return None if context_has_thread() else route_to_workers()

    def __exit__(self, *_exception: object) -> None:
        end(self._lease)
        reset(*self._tokens)


class _WorkerLease(RequestLease):
    """The same, on a worker in any case."""

    __slots__ = ()

    def _take_route(self) -> Token[Any]:
        return route_to_workers()


@contextlib.asynccontextmanager
async def worker_lease() -> AsyncIterator[None]:
    """Run the block's thread-sensitive code on one worker, as a request does under our handler.

    For async code outside requests: Channels consumers, management commands, background tasks.
    The worker is taken at the first blocking call, such as a query, and closed at the end: an open
    transaction is rolled back, and a connection is kept as long as ``CONN_MAX_AGE`` says. Inside
    ``async_to_sync`` all runs in the thread that waits, as ever.
    """
    with _WorkerLease():
        yield


def release_worker() -> None:
    """Give the worker of this request, with its database connection, to others before the end.

    For async code that is going to wait long for something else. The next query takes a worker
    anew, with none of what was set on the old connection. Without a worker it does nothing.

    Raises ``RuntimeError`` while a call, a transaction or an iterator of this request needs it.
    """
    lease = current_lease.get()
    if lease is not None:
        POOL.release(lease)


def end_with_this_call() -> None:
    """Take this request's worker back when the running call has ended: nothing else of it comes there.

    It closes itself then, and need not be woken for that at the end of the request.
    """
    lease = current_lease.get()
    if lease is not None:
        POOL.let_go(lease)


def worker_is_busy() -> bool:
    """Whether this request's worker runs something, such as a sync view that was cancelled."""
    lease = current_lease.get()
    return lease is not None and lease.running > 0


def wait_patiently() -> None:
    """Let calls of this request wait for a worker for as long as it takes: it has been answered."""
    lease = current_lease.get()
    if lease is not None:
        lease.is_patient = True


async def run_although_busy(func: Callable[..., Any], *args: Any) -> Any:
    """Run ``func`` on this request's worker, above the limit if need be: it has waited in vain."""
    with WaitingCall():
        return await run_in_worker(func, *args)


def stream() -> None:
    """Keep no worker from now on while the request waits, unless there is something on it to keep.

    With ``ASYNCKIT_WORKER_HOLD = "request"`` it is kept.
    """
    lease = current_lease.get()
    if lease is not None:
        POOL.stream(lease)


def statistics() -> Statistics:
    """Return what the workers of this process do at this moment, and have done."""
    return POOL.statistics()
