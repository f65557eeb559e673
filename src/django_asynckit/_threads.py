"""Threads of our own for work that needs no worker: compression, hashes, files, mail, logs."""

from __future__ import annotations

import atexit
import contextlib
import functools
import itertools
import os
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from time import monotonic
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured
from django.db import connections

#: After so many seconds without work a thread ends.
IDLE_SECONDS: Final = 10.0
#: For how many seconds the end of the process waits for what runs.
JOIN_SECONDS: Final = 2.0
#: As many threads as asyncio's own executor has at most.
_CPU_BOUND: Final = min(32, (os.cpu_count() or 1) + 4)
_MANY: Final = 32


class Threads(Executor):
    """An executor of at most ``limit`` daemon threads, which are started on demand.

    It is not asyncio's default executor, since user code may fill that, and threads that end with
    the process would wait there for user code without end. What a call leaves open on a database
    is closed behind it: no other code would.
    """

    def __init__(self, name: str, limit: int) -> None:
        self._name = name
        self._limit = limit
        self._begin()
        atexit.register(self.shut_down, JOIN_SECONDS)
        if hasattr(os, "register_at_fork"):  # There is no fork on Windows.
            os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        """Begin without threads; a child process has none of those of its parent."""
        # Its lock is reentrant: the garbage collector may call us while this thread has it.
        self._changed = threading.Condition()
        # All that follows is guarded by it.
        self._calls: deque[_Call] = deque()
        self._threads: set[threading.Thread] = set()
        #: How many threads wait for a call.
        self._idle = 0
        self._is_ending = False
        self._numbers = itertools.count(1)

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run ``function`` in a thread, first come, first served; return a future of its result."""
        call = _Call(functools.partial(function, *args, **kwargs))
        with self._changed:
            self._calls.append(call)
            thread = self._one_more()
            if thread is None:
                self._changed.notify()
        if thread is not None:
            self._start(thread, call)
        return call.future

    def _one_more(self) -> threading.Thread | None:
        """Return a thread to be started, if there are more calls than threads that wait for one."""
        if len(self._calls) <= self._idle or len(self._threads) >= self._limit:
            return None
        self._is_ending = False
        name = f"{self._name}-{next(self._numbers)}"
        thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._threads.add(thread)
        return thread

    def _start(self, thread: threading.Thread, call: _Call) -> None:
        try:
            thread.start()
        except RuntimeError:  # The system gives no more threads.
            with self._changed:
                self._threads.discard(thread)
                if self._threads or call not in self._calls:
                    return  # Another one will run it, or has taken it.
                self._calls.remove(call)
            raise

    def _run(self) -> None:
        while (call := self._next()) is not None:
            call.run()
            # Else it would live until the next one comes.
            del call

    def _next(self) -> _Call | None:
        """Return the next call; ``None`` if there is none for long, so that this thread ends."""
        with self._changed:
            self._idle += 1
            self._changed.wait_for(lambda: self._calls or self._is_ending, IDLE_SECONDS)
            self._idle -= 1
            if self._calls:
                return self._calls.popleft()
            self._threads.discard(threading.current_thread())
            return None

    def shut_down(self, seconds: float) -> None:
        """End all threads, and wait for what they run at most ``seconds``. Later calls start new ones."""
        with self._changed:
            self._is_ending = True
            threads = self._threads - {threading.current_thread()}
            self._changed.notify_all()
        until = monotonic() + seconds
        for thread in threads:
            if thread.ident is not None:
                thread.join(max(0, until - monotonic()))


class _Call:
    """A function that was submitted, and the future of its result."""

    __slots__ = ("_function", "future")

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function = function
        self.future: Future[Any] = Future()

    def run(self) -> None:
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            result = _call(self._function)
        except BaseException as error:
            self.future.set_exception(error)
            # The traceback of the error has this frame, and the future has the error: a cycle.
            del self
        else:
            self.future.set_result(result)


def _call(function: Callable[[], Any]) -> Any:
    try:
        return function()
    except StopIteration as error:
        # A future of asyncio refuses it, since it would end whatever coroutine awaits.
        raise RuntimeError("a function in a thread raised StopIteration") from error
    finally:
        close_connections()


def close_connections() -> None:
    """Close what this thread has open on databases, and leave no wrapper of it behind."""
    with contextlib.suppress(ImproperlyConfigured):  # Nothing can be open then.
        for alias in connections:
            if hasattr(connections._connections, alias):  # type: ignore[attr-defined]
                with contextlib.suppress(Exception):  # It may be broken.
                    connections[alias].close()
                del connections[alias]


#: For our own code, which computes, or reads and writes files: it waits for nothing else.
COMPUTING: Final = Threads("asynckit-pool", _CPU_BOUND)
#: For code of the user's, such as log handlers and mail, which may wait for other services.
BESIDE: Final = Threads("asynckit-beside", _MANY)
