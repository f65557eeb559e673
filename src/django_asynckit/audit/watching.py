"""Notes what blocks the event loop while the code of some files runs there. Nothing is stopped.

It sees the calls that blockbuster knows, and those that Django's guard refuses.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any

from django.core.exceptions import SynchronousOnlyOperation
from django.utils import asyncio as guard


class NotWatched(Exception):
    """blockbuster is not installed."""


@dataclass(frozen=True, order=True)
class Blocking:
    """A call that blocks or is refused, and the line in the files that led there."""

    file: str
    line: int
    what: str


@contextlib.contextmanager
def watch(files: Collection[str]) -> Iterator[set[Blocking]]:
    """Collect what blocks while the block runs.

    Raises :class:`NotWatched` where blockbuster is not installed.
    """
    found: set[Blocking] = set()

    def note(what: str) -> None:
        for frame in _frames():
            if frame.f_code.co_filename in files:
                found.add(Blocking(frame.f_code.co_filename, frame.f_lineno, what))
                return

    with _blockbuster(note), _guard(note):
        yield found


@contextlib.contextmanager
def _blockbuster(note: Callable[[str], None]) -> Iterator[None]:
    try:
        from blockbuster import BlockBuster
    except ImportError:
        raise NotWatched(
            "What blocks is seen only with blockbuster: pip install 'django-asynckit[blockbuster]'"
        ) from None
    blocker = BlockBuster()
    for function in blocker.functions.values():
        function.can_block_predicate = _noting(function, note)
    blocker.activate()
    try:
        yield
    finally:
        blocker.deactivate()


def _noting(function: Any, note: Callable[[str], None]) -> Callable[..., bool]:
    """Return a predicate that lets each call of ``function`` pass, and notes those that blockbuster would stop."""
    does_not_block = function.can_block_predicate

    def predicate(*args: Any, **kwargs: Any) -> bool:
        if not does_not_block(*args, **kwargs) and not _is_within(function.can_block_functions):
            note(function.full_name)
        return True

    return predicate


def _is_within(functions: Iterable[tuple[str, Iterable[str]]]) -> bool:
    """Whether one of these runs, which blockbuster lets block, such as an import."""
    return any(
        frame.f_code.co_filename.endswith(file) and frame.f_code.co_name in names
        for frame in _frames()
        for file, names in functions
    )


@contextlib.contextmanager
def _guard(note: Callable[[str], None]) -> Iterator[None]:
    """Note what Django's guard refuses, also where the middleware catches that."""

    class Noted(SynchronousOnlyOperation):
        def __init__(self, *args: object) -> None:
            super().__init__(*args)
            note(SynchronousOnlyOperation.__name__)

    module: Any = guard
    module.SynchronousOnlyOperation = Noted
    try:
        yield
    finally:
        module.SynchronousOnlyOperation = SynchronousOnlyOperation


def _frames() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        yield frame
        frame = frame.f_back
