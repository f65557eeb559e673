"""The only place that patches asgiref, asyncio and threading, while somebody records."""

from __future__ import annotations

import asyncio
import copy
import functools
import inspect
import threading
from collections.abc import Callable
from contextvars import Context
from typing import Any, TypeAlias

from asgiref.sync import (
    AsyncToSync,
    SyncToAsync,
    iscoroutinefunction,
    markcoroutinefunction,
)

from django_asynckit.trace.crossing import Crossing, Timed, TimedAwaitable
from django_asynckit.trace.recording import ACTIVE

Wrap: TypeAlias = Callable[[Any], Any]


def _sync_to_async(original: Any) -> Any:
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


def _async_to_sync(original: Any) -> Any:
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


def _to_thread(original: Any) -> Any:
    @markcoroutinefunction
    @functools.wraps(original)
    def to_thread(func: Any, /, *args: Any, **kwargs: Any) -> Any:
        recordings = ACTIVE.get()
        if not recordings:
            return original(func, *args, **kwargs)
        crossing = Crossing(func, "to_thread", recordings)
        return crossing.run(original, Timed(func, crossing), *args, **kwargs)

    return to_thread


def _run_in_executor(original: Any) -> Any:
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
    owner = getattr(func.func, "__self__", None)
    if isinstance(owner, SyncToAsync):
        return owner.func
    if isinstance(owner, Context) and func.args:
        return func.args[0]
    return func


def _thread_start(original: Any) -> Any:
    @functools.wraps(original)
    def start(self: Any) -> None:
        original.__get__(self, type(self))()
        for recording in ACTIVE.get():
            recording.count_thread()

    return start


class _Point:
    """One attribute that is ours while somebody records."""

    def __init__(self, owner: Any, name: str, wrap: Wrap) -> None:
        self.owner, self.name, self.wrap = owner, name, wrap
        self.original: Any = None
        self.ours: Any = None

    def install(self) -> None:
        found = inspect.getattr_static(self.owner, self.name)
        # Otherwise ours is still there, below somebody's patch.
        if self.ours is None or found is self.original:
            self.original = found
            self.inherited = self.name not in vars(self.owner)
            self.ours = self.wrap(found)
            setattr(self.owner, self.name, self.ours)

    def remove(self) -> None:
        found = inspect.getattr_static(self.owner, self.name)
        if found is self.ours:
            if self.inherited:
                delattr(self.owner, self.name)
            else:
                setattr(self.owner, self.name, self.original)
        elif found is not self.original:
            return  # Somebody patched on top: theirs stays, ours below lets all pass.
        self.ours = None


class _Patches:
    """All points together: installed while at least one user holds them."""

    def __init__(self) -> None:
        self._points = [
            _Point(SyncToAsync, "__call__", _sync_to_async),
            _Point(AsyncToSync, "__call__", _async_to_sync),
            _Point(asyncio, "to_thread", _to_thread),
            _Point(threading.Thread, "start", _thread_start),
        ]
        self._loops: set[type] = set()
        self._users = 0
        # Reentrant: the garbage collector may drop a user while this thread is inside.
        self._lock = threading.RLock()

    def acquire(self) -> None:
        """Install what is not yet installed. Safe in any thread; each call needs one release."""
        with self._lock:
            self._users += 1
            self._find_loops()
            for point in self._points:
                point.install()

    def release(self) -> None:
        """Give up one acquire; the last one puts back the very objects that were there before."""
        with self._lock:
            self._users -= 1
            if self._users == 0:
                for point in self._points:
                    point.remove()

    def _find_loops(self) -> None:
        # Not only BaseEventLoop: uvloop's class derives from the abstract one as well.
        for loop in asyncio.AbstractEventLoop.__subclasses__():
            if loop not in self._loops:
                self._loops.add(loop)
                self._points.append(_Point(loop, "run_in_executor", _run_in_executor))


patches = _Patches()
