"""One crossing while it happens: the clock that turns it into a hop."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any, TypeAlias

from django_asynckit._bridge import StandIn
from django_asynckit.trace.hop import Direction, Hop, caller_name, target_name
from django_asynckit.trace.recording import ACTIVE, Recordings, active_with

Call: TypeAlias = Callable[..., Awaitable[Any]]


class Crossing:
    """Counts as begun when it is entered, and becomes a hop when it is left."""

    def __init__(self, func: Any, to: Direction, recordings: Recordings) -> None:
        self.target = target_name(func)
        self.direction = to
        self.caller = caller_name()
        self.recordings = recordings
        self.thread = ""
        self.started: float | None = None
        self.ended: float | None = None

    def __enter__(self) -> None:
        self.called = perf_counter()
        for recording in self.recordings:
            recording.begin()

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        self.finish(cancelled=isinstance(error, asyncio.CancelledError))

    def finish(self, *, cancelled: bool) -> None:
        """End it. What neither started nor was cancelled was refused, and is no hop."""
        hop = self._hop() if self.started is not None or cancelled else None
        for recording in self.recordings:
            recording.end(hop)

    def _hop(self) -> Hop:
        # After a cancellation the function may still be running in its thread.
        started, ended = self.started, self.ended
        now = perf_counter()
        ran = 0.0 if started is None else (ended or now) - started
        waited = now - self.called - ran
        return Hop(self.target, self.direction, self.caller, self.thread, waited, ran)

    def start(self) -> None:
        """Note that the function begins to run, in the current thread."""
        self.thread = threading.current_thread().name
        self.started = perf_counter()

    def stop(self) -> None:
        """Note that the function no longer runs."""
        self.ended = perf_counter()

    async def run(self, call: Call, /, *args: Any, **kwargs: Any) -> Any:
        """Await ``call`` inside this crossing."""
        __traceback_hide__ = True
        with self:
            return await call(*args, **kwargs)


class Timed(StandIn):
    """Stands in for a sync function on its way to a thread, and notes when it runs."""

    def __init__(self, func: Any, crossing: Crossing) -> None:
        functools.update_wrapper(self, func)
        self._crossing = crossing

    def __getattr__(self, name: str) -> Any:
        # What update_wrapper leaves out, such as a method's __self__.
        return getattr(self.__wrapped__, name)

    def __reduce__(self) -> Any:
        # A process pool gets the function alone.
        return functools.partial, (self.__wrapped__,)

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        __traceback_hide__ = True
        mine = self._crossing.recordings
        # asgiref and to_thread carry the context over; run_in_executor does not.
        token = None if ACTIVE.get() is mine else ACTIVE.set(active_with(*mine))
        self._crossing.start()
        try:
            return self.__wrapped__(*args, **kwargs)
        finally:
            self._crossing.stop()
            if token is not None:
                ACTIVE.reset(token)


class TimedAwaitable(Timed):
    """The same for a coroutine function on its way to the loop."""

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        return self._run(self.__wrapped__(*args, **kwargs))

    async def _run(self, awaitable: Awaitable[Any]) -> Any:
        __traceback_hide__ = True
        self._crossing.start()
        try:
            return await awaitable
        finally:
            self._crossing.stop()
