"""How each hook of a middleware is to be run: the rules that let no override be lost.

Positions in ``type(middleware).__mro__`` decide; attributes of the instance come before all classes.
"""

from __future__ import annotations

import enum
import inspect
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, Final, TypeVar

from django_asynckit._compat import MiddlewareMixin, iscoroutinefunction
from django_asynckit.middleware._offers import is_offered

F = TypeVar("F", bound=Callable[..., Any])

HOOKS: Final = (
    "process_request",
    "process_view",
    "process_template_response",
    "process_response",
    "process_exception",
)
#: Those that Django's handlers collect from the instance right after it was made.
COLLECTED: Final = ("process_view", "process_template_response", "process_exception")
_NOT_HELPERS: Final = frozenset(HOOKS) | {f"a{hook}" for hook in HOOKS} | {"get_response"}
_MARK: Final = "_asynckit_non_blocking"
#: Beside functions. A class is one that a hook makes an object of, like ``response_redirect_class``.
_HELPER_TYPES: Final = (classmethod, staticmethod, property, cached_property, type)


class Mode(enum.Enum):
    """How a hook runs under ASGI."""

    ABSENT = "absent"
    INLINE = "inline"
    TWIN = "twin"
    HOP = "hop"


def non_blocking(func: F) -> F:
    """Declare that the sync function ``func`` does no I/O, so that it may run on the event loop.

    For hooks of an :class:`AsyncMiddlewareMixin` subclass, for methods that such a hook calls, and
    for a response's ``render``. An override in a subclass does not inherit the mark: it runs in a
    thread until it is marked itself.

    Raises ``TypeError`` for a coroutine function, which needs no mark, and for what is not a function.
    """
    if iscoroutinefunction(func):
        raise TypeError(
            f"{func!r} is a coroutine function: it is awaited and needs no @non_blocking."
        )
    if not inspect.isfunction(func):
        raise TypeError(
            f"@non_blocking marks functions and methods, not {func!r}; "
            "put it below @staticmethod, @classmethod and other decorators."
        )
    setattr(func, _MARK, func)
    return func


def is_non_blocking(func: object) -> bool:
    """Whether ``func`` itself carries the mark; a wrapper that copied its attributes does not."""
    func = getattr(func, "__func__", func)
    return getattr(func, _MARK, None) is func


def resolve(middleware: object, hook: str) -> Mode:
    """Return how ``hook`` of ``middleware`` runs: its twin wins unless the sync hook is nearer."""
    sync_position = _position(middleware, hook)
    twin_position = _position(middleware, f"a{hook}")
    if sync_position is None and twin_position is None:
        return Mode.HOP if hasattr(middleware, hook) else Mode.ABSENT
    if twin_position is not None and (sync_position is None or twin_position <= sync_position):
        trusted = sync_position is None or not (
            helper_overridden(middleware, twin_position)
            or overridden_behind(middleware, twin_position, hook)
        )
        return Mode.TWIN if trusted else Mode.HOP
    assert sync_position is not None
    method = getattr(middleware, hook)
    if is_offered(method):
        method = getattr(type(middleware), hook)
    if iscoroutinefunction(method):
        return Mode.TWIN
    if (
        is_non_blocking(method)
        and not helper_overridden(middleware, sync_position)
        and not overridden_behind(middleware, sync_position, hook)
    ):
        return Mode.INLINE
    return Mode.HOP


def awaitable_hook(middleware: object, hook: str) -> Callable[..., Any]:
    """Return what to await for a hook in ``Mode.TWIN``: the twin, or a hook that is itself async."""
    return awaitable_twin(middleware, hook) or getattr(middleware, hook)


def awaitable_twin(middleware: object, hook: str) -> Callable[..., Any] | None:
    """Return the twin of ``hook``, unless there is none or the hook itself is nearer."""
    sync_position = _position(middleware, hook)
    twin_position = _position(middleware, f"a{hook}")
    if twin_position is None or (sync_position is not None and sync_position < twin_position):
        return None
    twin: Callable[..., Any] = getattr(middleware, f"a{hook}")
    return twin


def _namespaces(obj: object) -> Iterator[dict[str, Any]]:
    yield getattr(obj, "__dict__", {})  # It may have slots.
    for cls in type(obj).__mro__:
        yield cls.__dict__  # type: ignore[misc]


def _position(obj: object, name: str) -> int | None:
    for position, namespace in enumerate(_namespaces(obj)):
        if name in namespace and not is_offered(namespace[name]):
            return position
    return None


def helper_overridden(middleware: object, position: int) -> bool:
    """Whether a class nearer than ``position`` overrides a method that the hook there may call.

    Position 0 is the instance, 1 its class.
    """
    namespaces = list(_namespaces(middleware))
    helpers = {
        name
        for cls in type(middleware).__mro__[max(position - 1, 0) :]
        if not issubclass(MiddlewareMixin, cls)
        for name, value in cls.__dict__.items()
        if _is_helper(name, value)
    }
    return any(
        name in helpers and may_block(value)
        for namespace in namespaces[:position]
        for name, value in namespace.items()
    )


def overridden_behind(middleware: object, position: int, hook: str) -> bool:
    """Whether a class between the native one at ``position`` and Django's overrides what that builds on.

    As in ``class Mine(Native, Theirs)``, where ``Theirs`` is another subclass of Django's class.
    """
    mro = type(middleware).__mro__
    native = mro[max(position - 1, 0)]
    if not native.__module__.startswith("django_asynckit.middleware."):
        return False
    inherited = native.__mro__
    for index, cls in enumerate(mro):
        if cls in inherited or index < position or cls.__module__.startswith("django."):
            continue
        behind = [one for one in mro[index:] if one in inherited]
        if any(
            (name == hook or _is_helper(name, value))
            and may_block(value)
            and any(name in one.__dict__ for one in behind)
            for name, value in cls.__dict__.items()
        ):
            return True
    return False


def _is_helper(name: str, value: object) -> bool:
    if name in _NOT_HELPERS or (name.startswith("__") and name.endswith("__")):
        return False
    return inspect.isfunction(value) or isinstance(value, _HELPER_TYPES)


def may_block(value: object) -> bool:
    """Whether ``value``, found in the namespace of a class, is code that is not known to be free of I/O."""
    if isinstance(value, classmethod | staticmethod):
        value = value.__func__
    if isinstance(value, property | cached_property):
        value = value.fget if isinstance(value, property) else value.func
    if inspect.isclass(value):
        return not _is_made_by_django(value)
    if not (callable(value) or hasattr(value, "__get__")):
        return False
    return not is_non_blocking(value) and not iscoroutinefunction(value)


def _is_made_by_django(cls: type[Any]) -> bool:
    """Whether making an object of ``cls`` runs only Django's and Python's code; data may differ."""
    return type(cls) is type and not any(
        callable(value) or hasattr(value, "__get__")
        for one in cls.__mro__
        if one.__module__ != "builtins" and not one.__module__.startswith("django.")
        for value in one.__dict__.values()
    )
