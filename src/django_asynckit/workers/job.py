"""One call on its way to a worker and back."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
from collections.abc import Callable
from contextvars import ContextVar
from time import monotonic
from types import CodeType, FunctionType, MethodType
from typing import Any, Final, TypeVar

from django_asynckit._asgiref import called_by, called_with
from django_asynckit._bridge import actual

F = TypeVar("F", bound=Callable[..., Any])


class Lag:
    """For how many seconds the last result of a worker lay about before its event loop looked at it."""

    seconds = 0.0

    def grace(self, most: float) -> float:
        """Return for how many seconds longer something counts where the loop is late, ``most`` at most."""
        return min(3 * self.seconds, most)


LAG: Final = Lag()

#: Where Django's functions leave nothing on a connection that its next user would see.
_STATELESS: Final = (
    "django.db.",
    "django.contrib.auth.",
    "django.contrib.contenttypes.",
    "django.contrib.messages.",
    "django.contrib.sessions.",
    "django.contrib.sites.",
    "django.core.cache.",
    "django_asynckit.db._blocks.",
)
_DECLARED: Final = "_asynckit_no_connection_state"
#: The code of functions that spend their time waiting for others.
_WAITING: Final[set[CodeType]] = set()
#: The task that makes a call which spends its time so, as long as it does. Contexts are copied, so
#: that it is seen in other tasks too: it is the identity that counts.
_task_that_waits: Final[ContextVar[list[asyncio.Task[Any] | None]]] = ContextVar("asynckit_waits")


def keeps_no_connection_state(func: F) -> F:
    """Declare that ``func`` leaves nothing on a database connection that the next user would see.

    No ``SET``, no temporary table, no advisory lock, no open cursor. With
    ``ASYNCKIT_WORKER_HOLD = "auto"`` a request that ran only such functions, and Django's own ORM
    methods, lends its worker to others while it waits for something else.
    """
    setattr(func, _DECLARED, func)
    return func


def copy_declaration(source: Any, func: F) -> F:
    """Declare that of ``func``, which calls ``source``, if ``source`` was declared so."""
    source = getattr(source, "__func__", source)
    return keeps_no_connection_state(func) if getattr(source, _DECLARED, None) is source else func


def spends_its_time_waiting(code: CodeType) -> None:
    """Do not count calls of functions with this ``code`` against ``ASYNCKIT_WORKERS``."""
    _WAITING.add(code)


def is_waiting(func: Any) -> bool:
    """Whether ``func`` spends its time waiting for others, as far as it was said."""
    return type(func) is FunctionType and func.__code__ in _WAITING


class WaitingCall:
    """``with``: what the running task calls in the block does not count against ``ASYNCKIT_WORKERS``.

    It spends its time waiting for others. This holds whatever tools put around the call.
    """

    __slots__ = ("_task", "_token")

    def __enter__(self) -> None:
        self._task = [asyncio.current_task()]
        self._token = _task_that_waits.set(self._task)

    def __exit__(self, *_exception: object) -> None:
        _task_that_waits.reset(self._token)
        self._task.clear()  # What has a copy of the context may live for longer.


def _task_waits() -> bool:
    task = _task_that_waits.get(None)
    return task is not None and bool(task) and task[0] is asyncio.current_task()


class Job:
    """A call, and the future on the event loop that gets its result."""

    __slots__ = ("_function", "arguments", "call", "future", "is_limited", "loop", "target")

    def __init__(self, call: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self.loop.create_future()
        self.call = functools.partial(call, *args) if args else call
        #: The function that it calls; ``None`` if that cannot be seen.
        self.target = actual(called_by(call))
        #: The positional arguments that it passes on, as far as they can be seen.
        self.arguments = called_with(call)
        self._function = _function(self.target)
        self.is_limited = not (is_waiting(self._function) or _task_waits())

    def is_declared(self) -> bool:
        """Whether it calls a function that was declared to leave nothing on a connection."""
        func = self._function
        if func is not None:
            return func.__dict__.get(_DECLARED) is func
        return (
            self.target is not None
            and inspect.getattr_static(self.target, _DECLARED, None) is self.target
        )

    def keeps_no_connection_state(self) -> bool:
        """Whether it calls a function of Django's ORM, or one that was declared free of state."""
        if self.is_declared():
            return True
        func = self._function
        # Not __module__, which a decorator copies.
        module = None if func is None else func.__globals__.get("__name__")
        return f"{module}.".startswith(_STATELESS)

    def deliver(self, result: Any, error: BaseException | None) -> None:
        """Give the outcome to whoever awaits it, from any thread."""
        # A loop that is closed has nobody left who awaits it.
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(_settle, self.future, result, error, monotonic())


def _function(called: Any) -> FunctionType | None:
    """Return the Python function behind ``called``, if it is one or a method.

    Nothing else is asked: a proxy of something remote, for example, calls it for any attribute.
    """
    if type(called) is MethodType:
        called = called.__func__
    return called if type(called) is FunctionType else None


def _settle(
    future: asyncio.Future[Any], result: Any, error: BaseException | None, since: float
) -> None:
    LAG.seconds = monotonic() - since
    if future.done():
        return
    if error is None:
        future.set_result(result)
    elif isinstance(error, StopIteration):
        # A future refuses it, since it would end whatever coroutine awaits.
        wrapped = RuntimeError("a function in a worker raised StopIteration")
        wrapped.__cause__ = error
        future.set_exception(wrapped)
    else:
        future.set_exception(error)
