"""All that we know of the private parts of asgiref, and what we do where they are not those that we know.

``IS_REVIEWED`` says whether the installed asgiref is one whose code was read. Elsewhere each function
makes do with what asgiref offers publicly: slower, with more kept for a request than need be, and right.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import os
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar, Token
from types import FunctionType, MethodType
from typing import Any, Final, Protocol

from asgiref import current_thread_executor
from asgiref import local as asgiref_local
from asgiref.current_thread_executor import CurrentThreadExecutor
from asgiref.local import Local
from asgiref.sync import AsyncToSync, SyncToAsync

from django_asynckit._drift import ASGIREF, is_reviewed

IS_REVIEWED = is_reviewed(ASGIREF)

#: As many parts of a call are looked at; no tool wraps it as often.
_MOST_PARTS: Final = 50


def behind_async_to_sync(func: object) -> Callable[..., Coroutine[Any, Any, Any]] | None:
    """Return the coroutine function that asgiref made callable from sync code as ``func``, if it did."""
    return getattr(func, "awaitable", None) if isinstance(func, AsyncToSync) else None


def behind_sync_to_async(func: object) -> Callable[..., Any] | None:
    """Return the function that asgiref made awaitable as ``func``, if it did."""
    return getattr(func, "func", None) if isinstance(func, SyncToAsync) else None


def executor_in_charge() -> Any:
    """Return the executor that runs a thread-sensitive call made here."""
    current = _waiting_executor()
    if current is not None:
        return current
    context: Any = SyncToAsync.thread_sensitive_context.get(None)
    if context is None:
        loop = asyncio.get_running_loop()
        return AsyncToSync.loop_thread_executors.get(loop, SyncToAsync.single_thread_executor)
    executors: Any = SyncToAsync.context_to_thread_executor
    if context not in executors and not getattr(context, "_exited", False):
        executors[context] = ThreadPoolExecutor(max_workers=1)
    return executors.get(context, SyncToAsync.single_thread_executor)


def current_executor() -> Any:
    """Return the executor of the thread that waits in ``async_to_sync`` for the running code, if one does."""
    return local_values(AsyncToSync.executors, ("current",)).get("current")


def thread_that_waits(executor: Any) -> threading.Thread | None:
    """Return the thread that waits in ``async_to_sync``, if it is what ``executor`` runs calls in.

    Where it is not known which one that is, some thread that is no worker of ours stands for it.
    """
    if not isinstance(executor, CurrentThreadExecutor):
        return None
    thread = getattr(executor, "_work_thread", None)
    return thread if isinstance(thread, threading.Thread) else threading.main_thread()


def leave_thread() -> Token[Any] | Deleted | None:
    """Let no thread that waits in ``async_to_sync`` run the thread-sensitive calls of this context.

    Returns what takes that back with ``reset()``, if there was such a thread.
    """
    return delete_local_value(AsyncToSync.executors, "current")


def leave_ended_thread() -> None:
    """Forget the threads of this context that no longer wait, for one outside of them that does, if any.

    A cancellation may leave such a thread in the context of the code that caught it, and a task may
    outlive the ``async_to_sync`` call that started it. asgiref passes on calls to the thread
    outside, but past our routes; without one it refuses them.
    """
    current = current_executor()
    if current is None or not waits_no_more(current):
        return
    waiting = _waiting_executor()
    if waiting is None:
        leave_thread()
    else:
        set_local_value(AsyncToSync.executors, "current", waiting)


def _waiting_executor() -> Any:
    """Return that of the innermost thread around the running code which waits; asgiref submits to that."""
    executor = current_executor()
    while executor is not None and waits_no_more(executor):
        executor = outer_executor(executor)
    return executor


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


class _RequestKey:
    """The key under which asgiref finds our workers: one for all, so that none can leak."""

    #: asgiref refuses calls under a key that has exited; tasks that outlive a request go on.
    _exited = False


REQUEST_KEY: Final = _RequestKey()


class Executor(Protocol):
    """What asgiref needs of an executor."""

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Any:
        """Run ``function`` and return a future of its result."""


def register_executor(executor: Executor) -> None:
    """Have ``executor`` run what is thread-sensitive wherever :func:`route_to_workers` was called."""
    executors: Any = SyncToAsync.context_to_thread_executor
    executors[REQUEST_KEY] = executor


def route_to_workers() -> Token[Any]:
    """Send thread-sensitive calls of this context to the registered executor, until ``reset()``.

    A thread that waits in ``async_to_sync`` (WSGI, ``TestCase``) still comes first.
    """
    context: ContextVar[Any] = SyncToAsync.thread_sensitive_context
    return context.set(REQUEST_KEY)


def called_by(job: Any) -> Any:
    """Return the function that ``job``, made by ``sync_to_async``, calls; ``None`` for other jobs."""
    return probably_called_by(job) if IS_REVIEWED else None


def probably_called_by(job: Any) -> Any:
    """The same, for people to read, where nothing depends on it."""
    made = _made_by_asgiref(job)
    return None if made is None else behind_sync_to_async(made.func.__self__)


def called_with(job: Any) -> tuple[Any, ...]:
    """Return the positional arguments that ``job``, made by ``sync_to_async``, passes on, and maybe more."""
    if not IS_REVIEWED:
        return tuple(part for part in _parts(job) if not _is_call(part))
    made = _made_by_asgiref(job)
    arguments: tuple[Any, ...] = () if made is None else made.args[-1].args
    return arguments


def wrap_call(job: Callable[..., Any], wrap: Callable[[Callable[[], Any]], Any]) -> Any:
    """Return ``job``, made by ``sync_to_async``, with ``wrap(call)`` in the place of its call.

    ``wrap`` then runs inside the context that asgiref restores afterwards; or outside of it, where
    it cannot be seen what asgiref made.
    """
    if not IS_REVIEWED or not _is_made_by_asgiref(job):
        return functools.partial(wrap, job)
    made: Any = job
    *others, call = made.args
    return functools.partial(made.func, *others, functools.partial(wrap, call))


def _is_made_by_asgiref(job: Any) -> bool:
    if not issubclass(type(job), functools.partial):
        return False
    return isinstance(getattr(job.func, "__self__", None), SyncToAsync)


def _made_by_asgiref(job: Any) -> Any:
    """Return what asgiref hands to executors, which tracing tools may have wrapped, if it is in ``job``."""
    if _is_made_by_asgiref(job):
        return job  # Without a tool.
    return next(filter(_is_made_by_asgiref, _parts(job)), None)


def _parts(job: Any) -> Iterator[Any]:
    """Yield ``job`` and what can be seen in it: in partials, and in functions that say what they wrap."""
    parts = [job]
    for _ in range(_MOST_PARTS):
        if not parts:
            return
        part = parts.pop()
        yield part
        if issubclass(type(part), functools.partial):
            parts += [*part.keywords.values(), *part.args, part.func]
        elif part is job or _is_call(part):  # Others may be lazy objects.
            wrapped = getattr(part, "__wrapped__", None)
            parts += [] if wrapped is None else [wrapped]


def _is_call(part: Any) -> bool:
    return issubclass(type(part), functools.partial | FunctionType | MethodType)


def context_has_thread() -> bool:
    """Whether thread-sensitive calls of this context were given a thread that is no worker of ours."""
    context: Any = SyncToAsync.thread_sensitive_context.get(None)
    executors: Any = SyncToAsync.context_to_thread_executor
    # One entry is ours; a missing key is dearer to see than that there is no other.
    return len(executors) > 1 and context is not REQUEST_KEY and context in executors


def thread_is_in_use() -> bool:
    """Whether code of this request may have run in a thread that is no worker of ours.

    It may have left a connection open there. A foreign thread, which waits for us in
    ``async_to_sync`` (or ``TestCase``), was there before.
    """
    context: Any = SyncToAsync.thread_sensitive_context.get(None)
    if context is not REQUEST_KEY and (context is None or context_has_thread()):
        return True
    return current_executor() is not None


def local_values(local: Local, names: Iterable[str]) -> Mapping[str, Any]:
    """Return the attributes of a Local that is not thread-critical, as this thread and context see them.

    At least those of ``names`` that are set. Read from what asgiref keeps them in: asking for a
    missing attribute costs 20 times more.
    """
    if not IS_REVIEWED:
        return {name: getattr(local, name) for name in names if hasattr(local, name)}
    storage: Any = local._storage._data.get(None)
    if storage is None or storage.thread_id != threading.get_ident():
        return {}
    values: Mapping[str, Any] = storage.data
    return values


def set_local_value(local: Local, name: str, value: Any) -> None:
    """Set an attribute of a Local that is not thread-critical, without its lock: a context has one user."""
    if not IS_REVIEWED:
        setattr(local, name, value)
        return
    values = {**local_values(local, ()), name: value}
    local._storage._data.set(asgiref_local._Storage(threading.get_ident(), values))


def delete_local_value(local: Local, name: str) -> Token[Any] | Deleted | None:
    """Delete an attribute of a Local that is not thread-critical, if it is set; return a token then."""
    values = dict(local_values(local, (name,)))
    if name not in values:
        return None
    value = values.pop(name)
    if not IS_REVIEWED:
        delattr(local, name)
        return Deleted(local, name, value)
    token: Token[Any] = local._storage._data.set(
        asgiref_local._Storage(threading.get_ident(), values)
    )
    return token


class Deleted:
    """What a token is to a context variable, to an attribute of a Local that was deleted."""

    #: Its tokens tell in which context it was deleted.
    _here: Final[ContextVar[None]] = ContextVar("asynckit_deleted")

    def __init__(self, local: Local, name: str, value: Any) -> None:
        self._local, self._name, self._value = local, name, value
        self._token = self._here.set(None)

    @property
    def var(self) -> Deleted:
        """What ``reset()`` is to be called on."""
        return self

    def reset(self, _token: Deleted) -> None:
        """Set the attribute again; ``ValueError`` in another context."""
        self._here.reset(self._token)
        setattr(self._local, self._name, self._value)


def rehomed(value: Any) -> Any:
    """Return ``value``, of a context variable, as this thread may use it: asgiref marks Locals."""
    # Nothing is derived from _Storage, so its type alone tells; isinstance() would load a lazy object.
    return asgiref_local._rehome(value) if type(value) is asgiref_local._Storage else value


def settle_in_thread(loop: asyncio.AbstractEventLoop) -> None:
    """Do in this thread, in a copy of a context, what asgiref does where ``sync_to_async`` runs code.

    Locals of that context are seen here, such as the active language, and ``async_to_sync`` runs
    coroutine functions on ``loop``. Only where ``IS_REVIEWED``.
    """
    for variable, value in contextvars.copy_context().items():
        found = rehomed(value)
        if found is not value:
            variable.set(found)
    SyncToAsync.threadlocal.main_event_loop = loop
    SyncToAsync.threadlocal.main_event_loop_pid = os.getpid()
