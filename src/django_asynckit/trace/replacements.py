"""What stands in for asgiref's, asyncio's and threading's functions while somebody records."""

from __future__ import annotations

import copy
import functools
from contextvars import Context
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction

from django_asynckit._asgiref import probably_called_by
from django_asynckit._bridge import call_as_guest
from django_asynckit.trace.crossing import Crossing, Timed, TimedAwaitable
from django_asynckit.trace.recording import ACTIVE


def sync_to_async(original: Any) -> Any:
    # Not async def: once a task runs the coroutine, the frame of its caller is gone.
    @markcoroutinefunction
    @functools.wraps(original)
    def __call__(self: Any, *args: Any, **kwargs: Any) -> Any:
        recordings = ACTIVE.get()
        if not recordings:
            return original.__get__(self, type(self))(*args, **kwargs)
        crossing = Crossing(self.func, "to_thread", recordings)
        # A copy, since other tasks and threads may be calling this very object.
        timed = copy.copy(self)
        timed.func = Timed(self.func, crossing)
        return crossing.run(original.__get__(timed, type(timed)), *args, **kwargs)

    return __call__


def async_to_sync(original: Any) -> Any:
    @functools.wraps(original)
    def __call__(self: Any, *args: Any, **kwargs: Any) -> Any:
        __traceback_hide__ = True
        recordings = ACTIVE.get()
        if not recordings:
            return original.__get__(self, type(self))(*args, **kwargs)
        crossing = Crossing(self.awaitable, "to_loop", recordings)
        timed = copy.copy(self)
        timed.awaitable = TimedAwaitable(self.awaitable, crossing)
        with crossing:
            return original.__get__(timed, type(timed))(*args, **kwargs)

    return __call__


def to_thread(original: Any) -> Any:
    @markcoroutinefunction
    @functools.wraps(original)
    def to_thread(func: Any, /, *args: Any, **kwargs: Any) -> Any:
        recordings = ACTIVE.get()
        if not recordings:
            return original(func, *args, **kwargs)
        crossing = Crossing(func, "to_thread", recordings)
        return crossing.run(original, Timed(func, crossing), *args, **kwargs)

    return to_thread


def run_in_executor(original: Any) -> Any:
    @functools.wraps(original)
    def run_in_executor(self: Any, executor: Any, func: Any, *args: Any) -> Any:
        call = original.__get__(self, type(self))
        recordings, target = ACTIVE.get(), _asked_for(func)
        # asyncio's debug mode wants to see, and refuses, coroutine functions.
        if not recordings or isinstance(target, Timed) or iscoroutinefunction(func):
            return call(executor, func, *args)
        crossing = Crossing(target, "to_thread", recordings)
        crossing.__enter__()
        try:
            future = call(executor, Timed(func, crossing), *args)
        except BaseException:
            crossing.finish(cancelled=False)
            raise
        future.add_done_callback(lambda f: crossing.finish(cancelled=f.cancelled()))
        return future

    return run_in_executor


def _asked_for(func: Any) -> Any:
    """Return what is to run, inside what asgiref or asyncio.to_thread put around it."""
    if not isinstance(func, functools.partial):
        return func
    called = probably_called_by(func)
    if called is not None:
        return called
    if isinstance(getattr(func.func, "__self__", None), Context) and func.args:
        return func.args[2] if func.args[0] is call_as_guest else func.args[0]
    return func


def thread_start(original: Any) -> Any:
    @functools.wraps(original)
    def start(self: Any) -> None:
        original.__get__(self, type(self))()
        for recording in ACTIVE.get():
            recording.count_thread()

    return start
