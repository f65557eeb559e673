"""``aatomic``: Django's ``transaction.atomic`` for async code."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Coroutine
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec, TypeVar, overload

from django.db import DEFAULT_DB_ALIAS

from django_asynckit.db._blocks import Block
from django_asynckit.db._functions import is_async
from django_asynckit.types import Awaited

P = ParamSpec("P")
R = TypeVar("R")


class AsyncAtomic:
    """What :func:`aatomic` returns: an async context manager, and a decorator of async functions.

    One object may be used many times, nested and by several tasks at a time.
    """

    def __init__(self, using: str | None, savepoint: bool, durable: bool) -> None:
        self.using = using
        self.savepoint = savepoint
        self.durable = durable
        #: Those that run, each with the frame that it was entered in.
        self._blocks: list[tuple[int | None, Block]] = []

    async def __aenter__(self) -> None:
        frame = _frame(sys._getframe(1))
        block = Block(self.using or DEFAULT_DB_ALIAS, self.savepoint, self.durable)
        await block.enter()
        self._blocks.append((frame, block))

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._pop_block(_frame(sys._getframe(1))).exit(exc_value)

    if not TYPE_CHECKING:  # Type checkers say so by themselves.

        def __enter__(self) -> NoReturn:
            raise TypeError("aatomic() is an async context manager: use `async with`, not `with`.")

        def __exit__(self, *_exception: object) -> NoReturn:
            raise NotImplementedError  # `with` looks for it first.

    def __call__(self, func: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, Awaited[R]]:
        """Return ``func``, an async function, inside a block of its own at each call."""
        if not is_async(func):
            raise TypeError(
                f"aatomic can only be applied to async functions, and {func!r} is none. Use "
                "django.db.transaction.atomic for a sync function. An async generator would leave "
                "its transaction open at each yield: use aatomic inside of it, between two yields."
            )

        @functools.wraps(func)
        async def inner(*args: P.args, **kwargs: P.kwargs) -> R:
            async with AsyncAtomic(self.using, self.savepoint, self.durable):
                result: R = await func(*args, **kwargs)
            return result

        return inner

    def _pop_block(self, frame: int | None) -> Block:
        """Return the block to leave: the running code's own, if there are several.

        By its frame, since an async generator may be closed in the context of other code.
        """
        entered_here = [one for one in self._blocks if frame is not None and one[0] == frame]
        innermost = [one for one in self._blocks if one[1].is_innermost()]
        found = (entered_here or innermost or self._blocks)[-1]
        self._blocks.remove(found)
        return found[1]


def _frame(frame: FrameType) -> int | None:
    """Say which frame it is; those of ``AsyncExitStack`` enter and leave in different ones."""
    return None if frame.f_globals.get("__name__") == "contextlib" else id(frame)


@overload
def aatomic(
    using: str | None = None, savepoint: bool = True, durable: bool = False
) -> AsyncAtomic: ...
@overload
def aatomic(
    using: Callable[P, Coroutine[Any, Any, R]], savepoint: bool = True, durable: bool = False
) -> Callable[P, Awaited[R]]: ...
def aatomic(using: Any = None, savepoint: bool = True, durable: bool = False) -> Any:
    """Run an ``async with`` block, or an async function, in a database transaction.

    It runs Django's own ``transaction.atomic`` on the thread that has the connection, and has its
    arguments: ``using`` names the database, ``savepoint=False`` makes no savepoint if it is nested,
    ``durable=True`` raises ``RuntimeError`` if it is nested. It commits at the end, and rolls back if
    the block raises, is cancelled, or called ``transaction.set_rollback`` (in a thread).

    The outermost block takes over the connection of the request. Tasks that are started inside
    belong to the transaction. While it is open, queries of other tasks of the request run on another
    connection. A cancellation is raised after the running query and the commit or rollback have ended;
    callbacks of a commit have run by then.

    Raises what Django's raises, errors of the commit among it; ``RuntimeError`` if at the end a task
    that was started inside is still in an ``aatomic`` of its own: then all is rolled back.
    """
    if callable(using):
        return AsyncAtomic(None, savepoint, durable)(using)
    return AsyncAtomic(using, savepoint, durable)
