"""Every crossing between the event loop and a thread goes through here."""

from __future__ import annotations

import asyncio
import contextvars
import functools
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Token
from typing import Any, ParamSpec, TypeVar

from asgiref.sync import SyncToAsync, async_to_sync, sync_to_async
from django.core.cache import caches

from django_asynckit import _asgiref
from django_asynckit._asgiref import Deleted, settle_in_thread
from django_asynckit._sync_frames import leave_ended_thread
from django_asynckit._threads import BESIDE, COMPUTING

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
    """Run ``func`` in a thread of our own, beside others: one hop. For our and Django's code alone.

    It finds nothing of the request in context variables, and what it sets there is lost.
    """
    call = functools.partial(contextvars.Context().run, func, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(COMPUTING, call)


async def run_beside(func: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Like :func:`run_in_pool`, for what calls code of users: log handlers, and what sends mail.

    It sees a copy of the context, since a filter of logs, for example, may ask for the id of the
    request there; what it sets is lost. asgiref is passed by, since it would load each lazy object
    that is in a context variable, such as ``request.user``, with a connection of that thread.
    """
    if not _asgiref.IS_REVIEWED:
        return await sync_to_async(func, thread_sensitive=False, executor=BESIDE)(*args, **kwargs)  # type: ignore[call-overload, no-any-return]
    loop, context = asyncio.get_running_loop(), contextvars.copy_context()
    call = functools.partial(context.run, call_as_guest, loop, func, *args, **kwargs)
    return await loop.run_in_executor(BESIDE, call)


def call_as_guest(
    loop: asyncio.AbstractEventLoop, func: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs
) -> R:
    """Call ``func`` in a copy of a request's context, in a thread that does not belong to the request."""
    settle_in_thread(loop)
    before = caches.all(initialized_only=True)
    try:
        return func(*args, **kwargs)
    finally:
        for cache in caches.all(initialized_only=True):
            if cache not in before:
                cache.close()


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


def reset(*tokens: Token[Any] | Deleted | None) -> None:
    """Give variables of this context the values that they had before.

    Not those of another one, in which the garbage collector may be closing what was abandoned.
    """
    for token in tokens:
        if token is not None:
            variable: Any = token.var
            try:  # noqa: SIM105 - each request comes here.
                variable.reset(token)
            except ValueError:
                pass


class StandIn:
    """What is called in the place of a function, ``__wrapped__``, by who watches the calls."""

    __wrapped__: Callable[..., Any]


def actual(func: Any) -> Any:
    """Return ``func``, or the function that it stands in for."""
    return func.__wrapped__ if issubclass(type(func), StandIn) else func


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
