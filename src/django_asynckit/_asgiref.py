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
from contextvars import ContextVar, Token
from types import FunctionType, MethodType
from typing import Any, Final, Protocol

from asgiref import local as asgiref_local
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
