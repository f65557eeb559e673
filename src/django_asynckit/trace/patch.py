"""The only place that patches asgiref, asyncio and threading, while somebody records."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable
from typing import Any

from asgiref.sync import AsyncToSync, SyncToAsync

from django_asynckit.trace import replacements


class _Point:
    """One attribute that is ours while somebody records."""

    def __init__(self, owner: Any, name: str, wrap: Callable[[Any], Any]) -> None:
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
    """All points together: installed while at least one user, in any thread, holds them."""

    def __init__(self) -> None:
        self._points = [
            _Point(SyncToAsync, "__call__", replacements.sync_to_async),
            _Point(AsyncToSync, "__call__", replacements.async_to_sync),
            _Point(asyncio, "to_thread", replacements.to_thread),
            _Point(threading.Thread, "start", replacements.thread_start),
        ]
        self._loops: set[type] = set()
        self._users = 0
        # Reentrant: the garbage collector may drop a user while this thread is inside.
        self._lock = threading.RLock()

    def acquire(self) -> None:
        """Install what is not yet installed; each call needs one ``release``."""
        with self._lock:
            self._users += 1
            self._find_loops()
            for point in self._points:
                point.install()

    def release(self) -> None:
        """The last one puts back the very objects that were there before."""
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
                self._points.append(_Point(loop, "run_in_executor", replacements.run_in_executor))


patches = _Patches()
