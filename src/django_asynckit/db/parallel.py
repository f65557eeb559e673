"""``agather`` and ``TaskGroup``: queries of one request at the same time."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
from collections.abc import Coroutine, Generator
from contextvars import Context
from typing import Any, Protocol, TypeVar, overload

from django_asynckit.conf import worker_settings
from django_asynckit.db._homes import find_home, find_home_with_connections
from django_asynckit.workers.added import HOW_TO_CARRY
from django_asynckit.workers.routes import branch, innermost

logger = logging.getLogger("django_asynckit.db")

T = TypeVar("T")
T1 = TypeVar("T1")
T2 = TypeVar("T2")
T3 = TypeVar("T3")
T4 = TypeVar("T4")
T5 = TypeVar("T5")
R_co = TypeVar("R_co", covariant=True)


class Closable(Protocol[R_co]):
    """A coroutine, as type checkers see it: unlike a task it can be closed."""

    def __await__(self) -> Generator[object, None, R_co]: ...
    def close(self) -> object: ...


class TaskGroup(asyncio.TaskGroup):
    """``asyncio.TaskGroup``, each of whose tasks has a worker and a database connection of its own.

    At most ``limit`` tasks run at a time; by default as many as there may be workers
    (``ASYNCKIT_WORKERS``). A task takes its worker at its first query, as a request does, and gives it
    back at its end. If none is free it waits for one; if the request keeps a worker meanwhile, it
    does not wait but runs on that one.

    Inside a transaction, and in the thread of a ``TestCase`` or of WSGI, there is one connection:
    there the tasks run on it, and their queries one after the other. If the request has set a
    tenant on a connection of a class that is not Django's, and ``ASYNCKIT_CARRY_CONNECTION_STATE``
    does not carry it to others, the tasks run there one after the other, each to its end.

    Errors are those of ``asyncio.TaskGroup``: the other tasks are cancelled, and an
    ``ExceptionGroup`` is raised.
    """

    def __init__(self, limit: int | None = None) -> None:
        super().__init__()
        if limit is not None and not isinstance(limit, int):
            raise TypeError(f"limit must be a whole number, not {limit!r}.")
        if limit is not None and limit < 1:
            raise ValueError(f"limit must be at least 1, not {limit!r}.")
        self._places = asyncio.Semaphore(limit or worker_settings().limit)
        self._one_by_one = asyncio.Lock()

    async def __aenter__(self) -> TaskGroup:
        await super().__aenter__()
        if innermost() is None:
            await find_home_with_connections()
        return self

    def create_task(
        self,
        coro: Coroutine[Any, Any, T],
        *,
        name: str | None = None,
        context: Context | None = None,
    ) -> asyncio.Task[T]:
        """Run ``coro``, a coroutine, as a task. ``TypeError`` for what is a task or future already."""
        _check(coro)
        run = self._run(coro)
        try:
            task = super().create_task(run, name=name, context=context)
        except BaseException:
            run.close()
            coro.close()
            raise
        # It may be cancelled before it begins.
        task.add_done_callback(lambda _: coro.close())
        return task

    async def _run(self, coro: Coroutine[Any, Any, T]) -> T:
        async with self._places:
            home = await find_home()
            if home.is_shared or innermost() is not None:
                return await coro
            if not home.may_be_copied():
                _tell_how_to_carry()
                async with self._one_by_one:
                    return await coro
            with branch(home):
                return await coro


@overload
async def agather(a: Closable[T1], /, *, limit: int | None = None) -> tuple[T1]: ...
@overload
async def agather(
    a: Closable[T1], b: Closable[T2], /, *, limit: int | None = None
) -> tuple[T1, T2]: ...
@overload
async def agather(
    a: Closable[T1],
    b: Closable[T2],
    c: Closable[T3],
    /,
    *,
    limit: int | None = None,
) -> tuple[T1, T2, T3]: ...
@overload
async def agather(
    a: Closable[T1],
    b: Closable[T2],
    c: Closable[T3],
    d: Closable[T4],
    /,
    *,
    limit: int | None = None,
) -> tuple[T1, T2, T3, T4]: ...
@overload
async def agather(
    a: Closable[T1],
    b: Closable[T2],
    c: Closable[T3],
    d: Closable[T4],
    e: Closable[T5],
    /,
    *,
    limit: int | None = None,
) -> tuple[T1, T2, T3, T4, T5]: ...
@overload
async def agather(*coroutines: Closable[T], limit: int | None = None) -> tuple[T, ...]: ...
async def agather(*coroutines: Any, limit: int | None = None) -> Any:
    """Run ``coroutines`` at the same time, each on a connection of its own; return their results in order.

    It is a :class:`TaskGroup` with these tasks: see there for workers, transactions and errors.
    """
    try:
        for coroutine in coroutines:
            _check(coroutine)
        async with TaskGroup(limit) as group:
            tasks = [group.create_task(coroutine) for coroutine in coroutines]
    finally:
        for coroutine in coroutines:
            if asyncio.iscoroutine(coroutine):
                coroutine.close()
    return tuple(task.result() for task in tasks)


@functools.cache
def _tell_how_to_carry() -> None:
    """Log it, once in each process."""
    logger.warning(
        "agather and TaskGroup run their coroutines one after the other, on the connection of the "
        "request: it has set something there that a second connection would not have, since the class "
        "of the connection is not Django's. %s",
        HOW_TO_CARRY,
    )


def _check(coroutine: object) -> None:
    if not asyncio.iscoroutine(coroutine):
        raise TypeError(f"A coroutine is needed, not {_name(coroutine)}")


def _name(value: Any) -> str:
    """Say what was passed, and why that is wrong; not its repr, which may ask the database."""
    if asyncio.isfuture(value):
        return "a task or future: that runs already, on the connection of its request."
    if inspect.isroutine(value):
        return f"the function {value.__qualname__}: was it to be called?"
    return f"an object of the class {type(value).__qualname__}."
