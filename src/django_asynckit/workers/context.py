"""Which lease the running code has."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextvars import ContextVar
from typing import Any, Final

from django_asynckit._bridge import (
    context_has_thread,
    register_executor,
    route_back,
    route_to_workers,
)
from django_asynckit.workers.job import Job
from django_asynckit.workers.lease import Lease
from django_asynckit.workers.pool import Pool
from django_asynckit.workers.process import watch
from django_asynckit.workers.statistics import Statistics

POOL: Final = Pool()
_current: ContextVar[Lease | None] = ContextVar("asynckit_lease", default=None)


class _Router:
    """The executor that asgiref finds: gives each call to the lease of the code that makes it."""

    def submit(self, call: Callable[..., Any], /, *args: Any) -> asyncio.Future[Any]:
        job = Job(call, args)
        POOL.submit(_current.get() or begin(), job)
        return job.future


register_executor(_Router())
watch(POOL)


def begin() -> Lease:
    """Give this context, and all tasks started in it, a lease; whoever calls it calls ``end()`` too."""
    lease = POOL.lease()
    _current.set(lease)
    return lease


@contextlib.contextmanager
def request_lease() -> Iterator[None]:
    """Give the block, which handles a request, a lease.

    What an outer ASGI application began in a thread of its own goes on there.
    """
    lease = begin()
    route = None if context_has_thread() else route_to_workers()
    try:
        yield
    finally:
        end(lease)
        if route is not None:
            route_back(route)


def end(lease: Lease) -> None:
    """End ``lease``: its worker is closed behind what it runs. Later calls take one for themselves."""
    # In this order: it gets a worker before its calls stop waiting.
    if lease.waiting or lease.worker is not None:
        POOL.end(lease)
    lease.has_ended = True


@contextlib.asynccontextmanager
async def worker_lease() -> AsyncIterator[None]:
    """Run the block's thread-sensitive code on one worker, as a request does under our handler.

    For async code outside requests: Channels consumers, management commands, background tasks.
    The worker is taken at the first blocking call, such as a query, and closed at the end: an open
    transaction is rolled back, and a connection is kept as long as ``CONN_MAX_AGE`` says. Inside
    ``async_to_sync`` all runs in the thread that waits, as ever.
    """
    before = _current.get()
    lease, route = begin(), route_to_workers()
    try:
        yield
    finally:
        end(lease)
        _current.set(before)
        route_back(route)


def release_worker() -> None:
    """Give the worker of this request, with its database connection, to others before the end.

    For async code that is going to wait long for something else. The next query takes a worker
    anew, with none of what was set on the old connection. Without a worker it does nothing.

    Raises ``RuntimeError`` while a call, a transaction or an iterator of this request needs it.
    """
    lease = _current.get()
    if lease is not None:
        POOL.release(lease)


def worker_is_busy() -> bool:
    """Whether this request's worker runs something, such as a sync view that was cancelled."""
    lease = _current.get()
    return lease is not None and lease.running > 0


def stream() -> None:
    """Keep no worker from now on while the request waits, unless there is something on it to keep.

    With ``ASYNCKIT_WORKER_HOLD = "request"`` it is kept.
    """
    lease = _current.get()
    if lease is not None:
        POOL.stream(lease)


@contextlib.contextmanager
def keep_worker() -> Iterator[None]:
    """Keep this request's worker for the block, whatever it runs there: an iterator is open."""
    lease = _current.get()
    if lease is None:
        yield
        return
    POOL.pin(lease, 1)
    try:
        yield
    finally:
        POOL.pin(lease, -1)


def statistics() -> Statistics:
    """Return what the workers of this process do at this moment, and have done."""
    return POOL.statistics()
