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
    begun, has_ended = _Begun(generator, frame_around()), False
    try:
        while not has_ended:
            items, has_ended, error = await take(generator, size, begun)
            for item in items:
                yield item
            if error is not None:
                raise error
    finally:
        if not has_ended and inspect.getgeneratorstate(generator) != inspect.GEN_CLOSED:
            await uninterrupted(close(generator, begun))


class _Begun:
    """A generator that is begun in a thread which may wait: it may have a transaction open there."""

    def __init__(self, generator: Generator[Any, Any, Any], frame: ThreadSeat | None) -> None:
        self._generator = generator
        self._frame = frame
        self._thread: int | None = None

    def note_thread(self) -> None:
        """Have it closed with the frame at the latest, if it begins in its thread, which runs this."""
        frame, thread = self._frame, threading.current_thread()
        # Not on a worker beside it, which lasts.
        if frame is not None and frame.thread() is thread and frame.add_guest(self):
            self._thread = thread.ident

    def is_elsewhere(self) -> bool:
        """Whether a frame in another thread will close it: its transaction is not in this one."""
        return self._thread not in (None, threading.get_ident())

    def end_here(self) -> None:
        with suppress(Exception):
            self._generator.close()


def _take(
    generator: Generator[Any, Any, Any], size: int, begun: _Begun
) -> tuple[list[Any], bool, BaseException | None]:
    """Return the next items, whether they are the last ones, and the error that came after them."""
    state = inspect.getgeneratorstate(generator)
    if state == inspect.GEN_CLOSED:  # Else it would look as if there were no more items.
        raise RuntimeError(f"{generator!r} {CLOSED_WITH_FRAME}")
    if state == inspect.GEN_CREATED:
        begun.note_thread()
    items: list[Any] = []
    try:
        items.extend(islice(generator, size))
    except Exception as error:
        return items, True, error
    return items, len(items) < size, None


def _close(generator: Generator[Any, Any, Any], begun: _Begun) -> None:
    # When a loop ends, its generators are closed outside of the frame that they were in.
    if not begun.is_elsewhere():
        generator.close()
