"""Iterates over a sync generator from async code, some items at a time."""

from __future__ import annotations

import inspect
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import suppress
from itertools import islice
from typing import Any

from django_asynckit._bridge import uninterrupted
from django_asynckit.db._messages import CLOSED_WITH_FRAME
from django_asynckit.workers.routes import frame_around
from django_asynckit.workers.threads import ThreadSeat

#: Makes a sync function async.
Adapt = Callable[[Callable[..., Any]], Callable[..., Coroutine[Any, Any, Any]]]


async def in_chunks(
    generator: Generator[Any, Any, Any], size: int, adapt: Adapt
) -> AsyncGenerator[Any, None]:
    """Yield the items of ``generator``, ``size`` of them in one call; it is closed where it ran."""
    take, close = adapt(_take), adapt(_close)
    frame, has_ended = frame_around(), False
    try:
        while not has_ended:
            items, has_ended, error = await take(generator, size, frame)
            for item in items:
                yield item
            if error is not None:
                raise error
    finally:
        if not has_ended and inspect.getgeneratorstate(generator) != inspect.GEN_CLOSED:
            await uninterrupted(close(generator))


class _Open:
    """A generator that is begun in a thread which waits: it may have a transaction open."""

    def __init__(self, generator: Generator[Any, Any, Any]) -> None:
        self._generator = generator

    def end_here(self) -> None:
        with suppress(Exception):
            self._generator.close()


def _take(
    generator: Generator[Any, Any, Any], size: int, frame: ThreadSeat | None
) -> tuple[list[Any], bool, BaseException | None]:
    """Return the next items, whether they are the last ones, and the error that came after them."""
    state = inspect.getgeneratorstate(generator)
    if state == inspect.GEN_CLOSED:  # Else it would look as if there were no more items.
        raise RuntimeError(f"{generator!r} {CLOSED_WITH_FRAME}")
    if (
        frame is not None
        and frame.thread() is threading.current_thread()  # Not on a worker beside it, which lasts.
        and state == inspect.GEN_CREATED
    ):
        frame.add_guest(_Open(generator))
    items: list[Any] = []
    try:
        items.extend(islice(generator, size))
    except Exception as error:
        return items, True, error
    return items, len(items) < size, None


def _close(generator: Generator[Any, Any, Any]) -> None:
    generator.close()
