"""``database_sync_to_async``: call sync code that uses the ORM from async code."""

from __future__ import annotations

import contextvars
import functools
import inspect
import warnings
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, Protocol, TypeVar, overload

from django.db.models import QuerySet
from django.db.models.query import RawQuerySet

from django_asynckit._compat import iscoroutinefunction
from django_asynckit.db._chunks import in_chunks
from django_asynckit.db._running import Options, Runner
from django_asynckit.types import Awaited

P = ParamSpec("P")
R = TypeVar("R")
Y = TypeVar("Y")


class Decorator(Protocol):
    """What ``database_sync_to_async`` with options, and without a function, returns."""

    @overload
    def __call__(  # type: ignore[overload-overlap]
        self, func: Callable[P, Generator[Y, Any, Any]], /
    ) -> Callable[P, AsyncGenerator[Y, None]]: ...
    @overload
    def __call__(self, func: Callable[P, R], /) -> Callable[P, Awaited[R]]: ...


@overload
def database_sync_to_async(  # type: ignore[overload-overlap]
    func: Callable[P, Generator[Y, Any, Any]],
    thread_sensitive: bool = True,
    executor: ThreadPoolExecutor | None = None,
    context: contextvars.Context | None = None,
    *,
    chunk_size: int = 100,
) -> Callable[P, AsyncGenerator[Y, None]]: ...
@overload
def database_sync_to_async(
    func: Callable[P, R],
    thread_sensitive: bool = True,
    executor: ThreadPoolExecutor | None = None,
    context: contextvars.Context | None = None,
    *,
    atomic: bool = False,
    using: str | None = None,
    savepoint: bool = True,
    durable: bool = False,
    own_connection: bool = False,
    chunk_size: int = 100,
    warn_if_lazy: bool = False,
) -> Callable[P, Awaited[R]]: ...
@overload
def database_sync_to_async(
    func: None = None,
    thread_sensitive: bool = True,
    executor: ThreadPoolExecutor | None = None,
    context: contextvars.Context | None = None,
    *,
    atomic: bool = False,
    using: str | None = None,
    savepoint: bool = True,
    durable: bool = False,
    own_connection: bool = False,
    chunk_size: int = 100,
    warn_if_lazy: bool = False,
) -> Decorator: ...
def database_sync_to_async(  # noqa: PLR0913
    func: Any = None,
    thread_sensitive: bool = True,
    executor: ThreadPoolExecutor | None = None,
    context: contextvars.Context | None = None,
    *,
    atomic: bool = False,
    using: str | None = None,
    savepoint: bool = True,
    durable: bool = False,
    own_connection: bool = False,
    chunk_size: int = 100,
    warn_if_lazy: bool = False,
) -> Any:
    """Make a sync function that uses the database callable from async code: one hop for each call.

    A decorator, with or without options, and a wrapper: ``await database_sync_to_async(func)(1)``.
    It takes functions, methods, class and static methods, partials and callable objects. A
    generator function becomes an async generator that fetches ``chunk_size`` items in one hop. The
    function itself stays there for sync code, as ``func`` and ``__wrapped__``.

    ``thread_sensitive``, ``executor`` and ``context`` are those of ``sync_to_async``, and it may stand
    in for the function of this name in Channels. The call runs on the request's connection and thread,
    one at a time; outside of workers, and with ``thread_sensitive=False``, Django's
    ``close_old_connections`` runs before and after it.

    ``atomic=True`` runs the call in ``transaction.atomic(using, savepoint, durable)``, and delays a
    cancellation until it has ended. ``own_connection=True`` runs it on a worker and a connection of
    its own, beside others of this request and outside of its transaction. ``warn_if_lazy=True`` warns
    of a returned queryset that is not evaluated, since it may be in async code.

    Raises ``TypeError`` for what is async, and for options that do not go together.
    """
    options = Options(
        thread_sensitive,
        executor,
        context,
        atomic,
        using,
        savepoint,
        durable,
        own_connection,
        chunk_size,
        warn_if_lazy,
    )
    _check_options(options)
    if func is None:
        return functools.partial(_wrap, options)
    return _wrap(options, func)


def _check_options(options: Options) -> None:
    if not options.atomic and (options.durable or options.using or not options.savepoint):
        raise TypeError("using, savepoint and durable need atomic=True.")
    if options.own_connection and not options.thread_sensitive:
        raise TypeError("own_connection=True has a thread of its own: leave out thread_sensitive.")
    if options.thread_sensitive and options.executor is not None:
        raise TypeError("executor must not be set when thread_sensitive is True")
    if options.chunk_size < 1:
        raise ValueError(f"chunk_size must be at least 1, not {options.chunk_size!r}.")


def _wrap(options: Options, func: Any) -> Any:
    if isinstance(func, classmethod | staticmethod):
        return type(func)(_wrap(options, func.__func__))
    called = func.func if isinstance(func, functools.partial) else func
    if not inspect.isroutine(called) and not inspect.isclass(called):
        called = getattr(called, "__call__", called)  # noqa: B004
    if not callable(func) or iscoroutinefunction(called) or inspect.isasyncgenfunction(called):
        raise TypeError(
            f"database_sync_to_async can only be applied to sync functions, not to {func!r}. "
            "What is async is awaited as it is."
        )
    is_generator = inspect.isgeneratorfunction(called)
    wrapped = _wrap_generator(options, func) if is_generator else _wrap_function(options, func)
    wrapped.func = func
    return wrapped


def _wrap_function(options: Options, func: Callable[..., Any]) -> Any:
    run = Runner(options, func)

    @functools.wraps(func)
    async def call(*args: Any, **kwargs: Any) -> Any:
        result = await run(*args, **kwargs)
        if options.warn_if_lazy and _is_lazy(result):
            warnings.warn(
                f"{func!r} returned a queryset that is not evaluated: its query runs where it is "
                "used. Return list(queryset).",
                RuntimeWarning,
                stacklevel=2,
            )
        return result

    return call


def _wrap_generator(options: Options, func: Callable[..., Any]) -> Any:
    if options.atomic or options.own_connection:
        raise TypeError(
            "A generator takes neither atomic=True, since its transaction would be open while others "
            "work with an item, nor own_connection=True."
        )
    step = functools.partial(Runner, options)

    @functools.wraps(func)
    async def iterate(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:
        items = in_chunks(func(*args, **kwargs), options.chunk_size, step)
        try:
            async for item in items:
                yield item
        finally:
            await items.aclose()

    return iterate


def _is_lazy(result: object) -> bool:
    is_queryset = issubclass(type(result), QuerySet | RawQuerySet)
    return is_queryset and vars(result)["_result_cache"] is None
