"""Tells the code of an async generator from the code that iterates over it."""

from __future__ import annotations

import asyncio
import sys
import weakref
from inspect import CO_ASYNC_GENERATOR
from types import FrameType


class Caller:
    """The code that has entered a block, whose frame is ``frame``.

    An async generator runs in the context of its consumer, which so would see the block after
    each ``yield``. The consumer of ``contextlib.asynccontextmanager`` is meant to.
    """

    def __init__(self, frame: FrameType | None) -> None:
        while frame is not None and _is_of_contextlib(frame):
            frame = frame.f_back
        self._code = None if frame is None else frame.f_code
        self._line = None if frame is None else frame.f_lineno
        is_generator = frame is not None and bool(frame.f_code.co_flags & CO_ASYNC_GENERATOR)
        #: Whether it may await something while it is closed.
        self.may_await = is_generator
        driver = None if frame is None else frame.f_back
        is_manager = driver is not None and _is_of_contextlib(driver)
        self._generator = frame if is_generator and not is_manager else None
        #: Whether its consumer shares the context.
        self.is_iterated = self._generator is not None
        task = asyncio.current_task()
        assert task is not None
        # Weak, since a task that nobody refers to must end, and roll back.
        self._task = weakref.ref(task)

    def __str__(self) -> str:
        code = self._code
        return "?" if code is None else f"{code.co_filename}:{self._line} in {code.co_qualname}"

    def forget(self) -> None:
        """Keep the code from being kept."""
        self._generator = None

    def belongs(self) -> bool:
        """Whether the running code is that code, called by it, or a task that was started in it."""
        if self._generator is None or asyncio.current_task() is not self._task():
            return True
        return self.is_running()

    def is_running(self) -> bool:
        """Whether the running code is that generator, or called by it."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame is not self._generator:
            frame = frame.f_back
        return frame is not None


def _is_of_contextlib(frame: FrameType) -> bool:
    return frame.f_globals.get("__name__") == "contextlib"
