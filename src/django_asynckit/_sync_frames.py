"""Threads that wait in ``async_to_sync``, and which of them runs the calls of the code that they wait for.

asgiref notes the innermost one in a Local, so that tasks and cancelled code may find one there that
has gone on. asgiref gives their calls to the thread outside of it, past what we have put in front
of that one. Here the thread outside is found in the first place.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import Token
from typing import Any, Final

from asgiref import current_thread_executor
from asgiref.current_thread_executor import CurrentThreadExecutor
from asgiref.sync import AsyncToSync, SyncToAsync

from django_asynckit._asgiref import (
    IS_REVIEWED,
    REQUEST_KEY,
    Deleted,
    context_has_thread,
    delete_local_value,
    local_values,
)

_EXECUTORS: Final = AsyncToSync.executors
#: The context variable in which the Local has its values, where asgiref was reviewed.
NOTED_IN: Final = _EXECUTORS._storage._data if IS_REVIEWED else None


class _Waiting:
    """What asgiref reads and writes as ``AsyncToSync.executors``: the Local, which names those that wait."""

    def __getattr__(self, name: str) -> Any:
        if name != "current":
            return getattr(_EXECUTORS, name)
        # A thread without a loop asks in order to wait itself, inside of what it finds.
        return _noted() if asyncio._get_running_loop() is None else _that_takes_calls()

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(_EXECUTORS, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(_EXECUTORS, name)


AsyncToSync.executors = _Waiting()  # type: ignore[assignment]


def _noted() -> Any:
    """Return the executor that asgiref noted in this context, perhaps of a thread that has gone on."""
    return local_values(_EXECUTORS, ("current",)).get("current")


def waiting_executor() -> Any:
    """Return the executor of the innermost thread that waits in ``async_to_sync`` for the running code."""
    executor = _noted()
    while executor is not None and waits_no_more(executor):
        executor = outer_executor(executor)
    return executor


def _that_takes_calls() -> Any:
    """Return the first executor that knows what to do with a call; without one asgiref refuses it."""
    noted = executor = _noted()
    while executor is not None and waits_no_more(executor) and not has_front(executor):
        executor = outer_executor(executor)
    return executor or noted


def has_front(executor: Any) -> bool:
    """Whether what is submitted to ``executor`` goes through a function of ours."""
    return "submit" in vars(executor)


def put_in_front(executor: Any, submit: Callable[..., Any]) -> None:
    """Have ``submit`` get what is submitted to this one executor, unless something gets it already."""
    vars(executor).setdefault("submit", submit)


def executor_in_charge() -> Any:
    """Return the executor that runs a thread-sensitive call made here."""
    waiting = waiting_executor()
    if waiting is not None:
        return waiting
    context: Any = SyncToAsync.thread_sensitive_context.get(None)
    if context is None:
        loop = asyncio.get_running_loop()
        return AsyncToSync.loop_thread_executors.get(loop, SyncToAsync.single_thread_executor)
    executors: Any = SyncToAsync.context_to_thread_executor
    if context not in executors and not getattr(context, "_exited", False):
        executors[context] = ThreadPoolExecutor(max_workers=1)
    return executors.get(context, SyncToAsync.single_thread_executor)


def thread_that_waits(executor: Any) -> threading.Thread | None:
    """Return the thread that waits in ``async_to_sync``, if it is what ``executor`` runs calls in.

    Where it is not known which one that is, some thread that is no worker of ours stands for it.
    """
    if not isinstance(executor, CurrentThreadExecutor):
        return None
    thread = getattr(executor, "_work_thread", None)
    return thread if isinstance(thread, threading.Thread) else threading.main_thread()


def thread_is_in_use() -> bool:
    """Whether code of this request may have run in a thread that is no worker of ours.

    It may have left a connection open there. A foreign thread, which waits for us in
    ``async_to_sync`` (or ``TestCase``), was there before.
    """
    context: Any = SyncToAsync.thread_sensitive_context.get(None)
    if context is not REQUEST_KEY and (context is None or context_has_thread()):
        return True
    return _noted() is not None


def leave_thread() -> Token[Any] | Deleted | None:
    """Let no thread that waits in ``async_to_sync`` run the thread-sensitive calls of this context.

    Returns what takes that back with ``reset()``, if there was such a thread.
    """
    return delete_local_value(_EXECUTORS, "current")


def leave_ended_thread() -> None:
    """Forget a thread of this context that no longer waits, if none outside of it does: asgiref refuses calls then."""
    if _noted() is not None and waiting_executor() is None:
        leave_thread()


def waits_no_more(executor: Any) -> bool:
    """Whether ``executor`` is that of a thread that has waited in ``async_to_sync``, and goes on."""
    if IS_REVIEWED:
        is_broken: bool = getattr(executor, "_broken", False)
        return is_broken
    try:
        type(executor).submit(executor, _nothing)
    except RuntimeError:
        return True
    return False


def is_run_for_thread(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether ``async_to_sync`` has made ``loop``, and what a thread waits for there has not ended.

    When that has ended the loop cancels all other tasks, and is closed.
    """
    return loop in AsyncToSync.loop_thread_executors


def outer_executor(executor: Any) -> Any:
    """Return the executor that asgiref gives calls to when the thread of ``executor`` has gone on."""
    return getattr(executor, "_old_executor", None)


def call_before_it_goes_on(executor: Any, function: Callable[[], None]) -> bool:
    """Have ``function`` called in the thread of ``executor`` when it stops waiting for async code.

    That is before the code behind ``async_to_sync`` goes on. Returns whether the thread, which runs
    this, still waits. An executor takes one function; where asgiref was not reviewed none is called.
    """
    if not IS_REVIEWED:
        return True
    with executor._work_ready:
        if executor._broken:
            return False
        vars(executor)["_when_broken"] = function
        executor.__class__ = _EndingExecutor
        return True


class _EndingExecutor(CurrentThreadExecutor):
    """asgiref's executor, with one more thing to do when its thread is to wait no longer.

    ``run_until_future`` of asgiref 3.13 sets ``_broken``, with the lock held, when the async code is
    done, and then runs what is still in the queue; later calls are refused. So what is put there at
    that moment is the last thing that the thread does before it goes on.
    """

    @property
    def _broken(self) -> bool:
        is_broken: bool = vars(self)["_broken"]
        return is_broken

    @_broken.setter
    def _broken(self, value: bool) -> None:
        vars(self)["_broken"] = value
        self._work_items.append(
            current_thread_executor._WorkItem(Future(), vars(self)["_when_broken"])
        )


def _nothing() -> None:
    """Show that the thread takes calls."""
