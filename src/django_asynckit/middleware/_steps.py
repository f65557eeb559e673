"""Runs an async generator by hand, from chunk to chunk, in whatever thread one likes."""

from __future__ import annotations

import contextlib
import types
from collections.abc import AsyncIterator, Generator
from typing import Any


class Feed:
    """An async iterator over chunks that are handed over one by one; it waits for the next one."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._ended = False

    def hand_over(self, chunk: bytes) -> None:
        self._chunks.append(chunk)

    def end(self) -> None:
        self._ended = True

    def __aiter__(self) -> Feed:
        return self

    async def __anext__(self) -> bytes:
        while not self._chunks:
            if self._ended:
                raise StopAsyncIteration
            await _pause()
        return self._chunks.pop()


@types.coroutine
def _pause() -> Generator[None, None, None]:
    yield


class Steps:
    """An async iterator that waits for nothing but a :class:`Feed`, so that it needs no event loop."""

    def __init__(self, parts: AsyncIterator[bytes]) -> None:
        self._parts = parts
        self._next: Any = None

    def advance(self) -> list[bytes]:
        """Run until the feed is empty, or to the end; return what was yielded."""
        made: list[bytes] = []
        while True:
            step: Any = self._next or anext(self._parts)
            self._next = None
            try:
                step.send(None)
            except StopIteration as stop:
                made.append(stop.value)
            except StopAsyncIteration:
                return made
            else:
                self._next = step
                return made

    def close(self) -> None:
        """End what waits for the feed, the way a generator is closed."""
        if self._next is not None:
            with contextlib.suppress(GeneratorExit):
                self._next.throw(GeneratorExit())
