"""Every crossing between the event loop and a thread goes through here."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import threading
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, Token
from typing import Any, Final, ParamSpec, Protocol, TypeVar

from asgiref.local import Local, _Storage
from asgiref.sync import AsyncToSync, SyncToAsync, async_to_sync, sync_to_async

P = ParamSpec("P")
R = TypeVar("R")


async def run_in_worker(func: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Run ``func`` in the request's own thread, one call at a time: one hop."""
    leave_ended_thread()
    return await sync_to_async(func, thread_sensitive=True)(*args, **kwargs)


async def run_and_tell(
    tell: Callable[[Any], object],
    func: Callable[P, R],
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> R:
    """Like :func:`run_in_worker`; ``tell`` is given the result in the thread, also if nobody awaits it any more."""
    leave_ended_thread()
    return await _Telling(func, tell)(*args, **kwargs)


class _Telling(SyncToAsync[P, R]):
    def __init__(self, func: Callable[P, R], tell: Callable[[R], object]) -> None:
        super().__init__(func, thread_sensitive=True)
        self._tell = tell

    def thread_handler(self, *args: Any, **kwargs: Any) -> Any:
        """Run the function, called by asgiref in the thread."""
        result = super().thread_handler(*args, **kwargs)  # type: ignore[no-untyped-call]
        self._tell(result)
        return result


async def run_in_pool(func: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Run ``func`` in any thread, beside others: one hop. Not for code that uses the database."""
    return await sync_to_async(func, thread_sensitive=False)(*args, **kwargs)


async def run_in_context(context: contextvars.Context, func: Callable[P, R], /, *args: P.args) -> R:  # type: ignore[valid-type]
    """Like :func:`run_in_worker`, in ``context`` itself: what one call sets, the next one sees."""
    leave_ended_thread()
    return await sync_to_async(func, thread_sensitive=True, context=context)(*args)  # type: ignore[call-arg]


def adapt(func: Callable[P, R], **options: Any) -> Callable[P, Coroutine[Any, Any, R]]:
    """Return ``sync_to_async(func, **options)``."""
    adapted: Any = sync_to_async(func, **options)
    return adapted  # type: ignore[no-any-return]


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


def adapted_function(func: object) -> Callable[..., Any] | None:
    """Return the function that asgiref made awaitable as ``func``, if it did."""
    return func.func if isinstance(func, SyncToAsync) else None


def executor_in_charge() -> Any:
    """Return the executor that ``sync_to_async`` would use for a thread-sensitive call made here."""
    current = local_values(AsyncToSync.executors).get("current")
    if current is not None:
        return current
    context: Any = SyncToAsync.thread_sensitive_context.get(None)
    if context is None:
        loop = asyncio.get_running_loop()
        return AsyncToSync.loop_thread_executors.get(loop, SyncToAsync.single_thread_executor)
    executors: Any = SyncToAsync.context_to_thread_executor
    if context not in executors and not context._exited:
        executors[context] = ThreadPoolExecutor(max_workers=1)
    return executors.get(context, SyncToAsync.single_thread_executor)


def thread_that_waits(executor: Any) -> threading.Thread | None:
    """Return the thread that waits in ``async_to_sync``, if it is what ``executor`` runs calls in."""
    thread: threading.Thread | None = getattr(executor, "_work_thread", None)
    return thread


def leave_thread() -> Token[Any] | None:
    """Let no thread that waits in ``async_to_sync`` run the thread-sensitive calls of this context.

    Returns what takes that back with :func:`reset`, if there was such a thread.
    """
    return delete_local_value(AsyncToSync.executors, "current")


def leave_ended_thread() -> None:
    """Do so if it waits no more, nor does one outside of it: a cancellation may leave it in the context."""
    current = executor = local_values(AsyncToSync.executors).get("current")
    while executor is not None and getattr(executor, "_broken", False):
        executor = getattr(executor, "_old_executor", None)
    if current is not None and executor is None:
        leave_thread()


class _RequestKey:
    """The key under which asgiref finds our workers: one for all, so that none can leak."""

    #: asgiref refuses calls under a key that has exited; tasks that outlive a request go on.
    _exited = False


REQUEST_KEY: Final = _RequestKey()


class Executor(Protocol):
    """What asgiref needs of an executor."""

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Any:
        """Run ``function`` and return a future of its result."""


def register_executor(executor: Executor) -> None:
    """Have ``executor`` run what is thread-sensitive wherever :func:`route_to_workers` was called."""
    executors: Any = SyncToAsync.context_to_thread_executor
    executors[REQUEST_KEY] = executor


def route_to_workers() -> Token[Any]:
    """Send thread-sensitive calls of this context to the registered executor, until :func:`reset`.

    A thread that waits in ``async_to_sync`` (WSGI, ``TestCase``) still comes first.
    """
    context: ContextVar[Any] = SyncToAsync.thread_sensitive_context
    return context.set(REQUEST_KEY)


def reset(*tokens: Token[Any] | None) -> None:
    """Give variables of this context the values that they had before.

    Not those of another one, in which the garbage collector may be closing what was abandoned.
    """
    for token in tokens:
        if token is not None:
            try:  # noqa: SIM105 - each request comes here.
                token.var.reset(token)
            except ValueError:
                pass


def called_by(job: Callable[..., Any]) -> Any:
    """Return the function that ``job``, made by ``sync_to_async``, calls; ``None`` for other jobs."""
    made_by = getattr(getattr(job, "func", None), "__self__", None)
    return made_by.func if isinstance(made_by, SyncToAsync) else None


def called_with(job: Any) -> tuple[Any, ...]:
    """Return the positional arguments that ``job``, made by ``sync_to_async``, passes on."""
    arguments: tuple[Any, ...] = () if called_by(job) is None else job.args[-1].args
    return arguments


def wrap_call(job: Callable[..., Any], wrap: Callable[[Callable[[], Any]], Any]) -> Any:
    """Return ``job``, made by ``sync_to_async``, with ``wrap(call)`` in the place of its call.

    ``wrap`` then runs inside the context that asgiref restores afterwards.
    """
    if called_by(job) is None or not isinstance(job, functools.partial):
        return functools.partial(wrap, job)
    *others, call = job.args
    return functools.partial(job.func, *others, functools.partial(wrap, call))


def context_has_thread() -> bool:
    """Whether thread-sensitive calls of this context were given a thread that is no worker of ours."""
    context: Any = SyncToAsync.thread_sensitive_context.get(None)
    executors: Any = SyncToAsync.context_to_thread_executor
    # One entry is ours; a missing key is dearer to see than that there is no other.
    return len(executors.data) > 1 and context is not REQUEST_KEY and context in executors


def thread_is_in_use() -> bool:
    """Whether code of this request may have run in a thread that is no worker of ours.

    It may have left a connection open there. A foreign thread, which waits for us in
    ``async_to_sync`` (or ``TestCase``), was there before.
    """
    context: Any = SyncToAsync.thread_sensitive_context.get(None)
    if context is not REQUEST_KEY and (context is None or context_has_thread()):
        return True
    return local_values(AsyncToSync.executors).get("current") is not None


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


def delete_local_value(local: Local, name: str) -> Token[Any] | None:
    """Delete an attribute of a Local that is not thread-critical, if it is set; return a token then."""
    values = dict(local_values(local))
    if name not in values:
        return None
    del values[name]
    token: Token[Any] = local._storage._data.set(_Storage(threading.get_ident(), values))
    return token


async def uninterrupted(
    coroutine: Coroutine[Any, Any, R],
    may_stop: Callable[[], bool] = lambda: False,
    context: contextvars.Context | None = None,
) -> R:
    """Await ``coroutine`` to its end, also while cancelled; the cancellation is raised afterwards.

    What it sets in context variables is set for the caller too, unless it runs in a ``context`` of
    its own. Where ``may_stop()`` is true a cancellation reaches it at once.
    """
    is_own, context = context is None, context or contextvars.copy_context()
    task = asyncio.get_running_loop().create_task(coroutine, context=context)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
            if may_stop():
                task.cancel()
    for variable, value in context.items() if is_own else ():
        if variable.get(None) is not value:
            variable.set(value)
    if cancelled is not None and not task.cancelled():
        task.exception()  # Seen, so that asyncio does not report it.
        raise cancelled
    return task.result()
