"""Iterates over a sync generator from async code, some items at a time."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from itertools import islice
from typing import Any

from django_asynckit._bridge import uninterrupted

#: Makes a sync function async.
Adapt = Callable[[Callable[..., Any]], Callable[..., Coroutine[Any, Any, Any]]]


async def in_chunks(
    generator: Generator[Any, Any, Any], size: int, adapt: Adapt
) -> AsyncGenerator[Any, None]:
    """Yield the items of ``generator``, ``size`` of them in one call; it is closed where it ran."""
    take, close = adapt(_take), adapt(_close)
    has_ended = False
    try:
        while not has_ended:
            items, has_ended, error = await take(generator, size)
            for item in items:
                yield item
            if error is not None:
                raise error
    finally:
        if not has_ended:
            await uninterrupted(close(generator))


def _take(
    generator: Generator[Any, Any, Any], size: int
) -> tuple[list[Any], bool, BaseException | None]:
    """Return the next items, whether they are the last ones, and the error that came after them."""
    items: list[Any] = []
    try:
        items.extend(islice(generator, size))
    except Exception as error:
        return items, True, error
    return items, len(items) < size, None


def _close(generator: Generator[Any, Any, Any]) -> None:
    generator.close()
