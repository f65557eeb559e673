"""Every crossing between the event loop and a thread goes through here."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, ParamSpec, TypeVar

from asgiref.local import Local, _Storage
from asgiref.sync import (
    AsyncToSync,
    SyncToAsync,
    ThreadSensitiveContext,
    async_to_sync,
    sync_to_async,
)

P = ParamSpec("P")
R = TypeVar("R")


async def run_in_worker(func: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run ``func`` in the request's own thread, one call at a time: one hop."""
    return await sync_to_async(func, thread_sensitive=True)(*args, **kwargs)


async def run_in_pool(func: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run ``func`` in any thread, beside others: one hop. Not for code that uses the database."""
    return await sync_to_async(func, thread_sensitive=False)(*args, **kwargs)


async def run_in_context(context: contextvars.Context, func: Callable[P, R], *args: P.args) -> R:  # type: ignore[valid-type]
    """Like :func:`run_in_worker`, in ``context`` itself: what one call sets, the next one sees."""
    return await sync_to_async(func, thread_sensitive=True, context=context)(*args)  # type: ignore[call-arg]


def to_sync(func: Callable[P, Awaitable[R]]) -> Callable[P, R]:
    """Make the coroutine function ``func`` callable from sync code."""
    return async_to_sync(func)


def is_adapted_to_sync(func: object) -> bool:
    """Whether ``func`` is a coroutine function that asgiref made callable from sync code."""
    return isinstance(func, AsyncToSync)


def adapted_coroutine_function(func: Any) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Return the coroutine function behind what :func:`is_adapted_to_sync` recognises."""
    awaitable: Callable[..., Coroutine[Any, Any, Any]] = func.awaitable
    return awaitable


async def with_own_thread(handle: Callable[..., Awaitable[None]], *args: Any) -> None:
    """Await ``handle(*args)``, all of whose hops use one thread, which ends with it.

    The same as inside ``async with ThreadSensitiveContext()``, for less where no hop is made: the
    thread is asgiref's to start and to end.
    """
    variable = SyncToAsync.thread_sensitive_context
    if variable.get(None) is not None:
        await handle(*args)  # The outermost decides.
        return
    context = ThreadSensitiveContext()
    context.token = variable.set(context)
    try:
        await handle(*args)
    finally:
        if _has_thread(context):
            await context.__aexit__(None, None, None)  # type: ignore[no-untyped-call]
        else:
            variable.reset(context.token)


def thread_is_in_use() -> bool:
    """Whether code of this request may have run in a thread, and left a connection open there.

    Its own thread is started by its first hop. A foreign thread, which waits for us in
    ``async_to_sync`` (or ``TestCase``), was there before.
    """
    context = SyncToAsync.thread_sensitive_context.get(None)
    return (
        context is None
        or _has_thread(context)
        or local_values(AsyncToSync.executors).get("current") is not None
    )


def _has_thread(context: ThreadSensitiveContext) -> bool:
    executors: Any = SyncToAsync.context_to_thread_executor
    # Empty where no request has a thread, which is quicker to see than a missing key.
    return bool(executors.data) and context in executors


def local_values(local: Local) -> Mapping[str, Any]:
    """Return the attributes of a Local that is not thread-critical, as this thread and context see them.

    Read from what asgiref keeps them in: asking for a missing attribute costs 20 times more.
    """
    storage: Any = local._storage._data.get(None)
    if storage is None or storage.thread_id != threading.get_ident():
        return {}
    values: Mapping[str, Any] = storage.data
    return values


def set_local_value(local: Local, name: str, value: Any) -> None:
    """Set an attribute of a Local that is not thread-critical, without its lock: a context has one user."""
    values = {**local_values(local), name: value}
    local._storage._data.set(_Storage(threading.get_ident(), values))


def delete_local_value(local: Local, name: str) -> None:
    """Delete an attribute of a Local that is not thread-critical, if it is set."""
    values = dict(local_values(local))
    if name in values:
        del values[name]
        local._storage._data.set(_Storage(threading.get_ident(), values))


async def uninterrupted(coroutine: Coroutine[Any, Any, R]) -> R:
    """Await ``coroutine`` to its end, also while cancelled; the cancellation is raised afterwards.

    What it sets in context variables is set for the caller too.
    """
    context = contextvars.copy_context()
    task = asyncio.get_running_loop().create_task(coroutine, context=context)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    for variable, value in context.items():
        if variable.get(None) is not value:
            variable.set(value)
    if cancelled is not None and not task.cancelled():
        task.exception()  # Seen, so that asyncio does not report it.
        raise cancelled
    return task.result()
