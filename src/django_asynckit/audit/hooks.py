"""How many hops each hook of one middleware makes, in an async and in a sync chain."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django_asynckit._compat import MiddlewareMixin, iscoroutinefunction
from django_asynckit.audit.known import KNOWN
from django_asynckit.audit.native import is_ours, twin_hops
from django_asynckit.audit.own_hops import OwnHops, inner_hops, own_hops
from django_asynckit.audit.sources import definition, names_in
from django_asynckit.dropins import dotted_path
from django_asynckit.handler.declared import OnTheLoop
from django_asynckit.handler.inline import InlineHooks
from django_asynckit.middleware import AsyncMiddlewareMixin
from django_asynckit.middleware._hooks import Mode, awaitable_hook, resolve

#: Hooks of a response that is neither an error nor a template; those of others make more.
COUNTED: Final = ("process_request", "process_view", "process_response")

#: A ``__call__`` that mentions one of these knows that there is an async mode.
_ASKS_FOR_MODE: Final = {"async_mode", "__acall__", "__call__", "iscoroutinefunction"}

Hops = dict[str, int]


def async_hops(subject: Any) -> tuple[Hops, int]:
    """Return hops by hook of ``subject`` in async mode, and how many more it sometimes makes.

    ``subject`` is a middleware, or what :func:`stand_in` gives for one that was not made.
    """
    if is_on_the_loop(subject) or isinstance(subject, InlineHooks):
        return {}, 0
    if runs_our_hooks(subject):
        return _our_hops(subject)
    hops = _view_hops(subject)
    if bypasses_async(subject):
        return hops, 0
    if runs_djangos_hooks(subject):
        return {**hops, **_djangos_hops(subject)}, 0
    own = _own_hops(subject)
    return {**hops, **({"__call__": own.always} if own.always else {})}, own.sometimes


def sync_hops(subject: Any) -> Hops:
    """Return hops by hook of ``subject`` in sync mode inside an async handler.

    The view hook is called on the event loop all the same. Ours run an async hook for sync code.
    """
    if is_on_the_loop(subject):
        subject = stand_in(subject.middleware)
    hops = {}
    if isinstance(subject, AsyncMiddlewareMixin):
        hops = {hook: 1 for hook in COUNTED if _is_async_only(subject, hook)}
        if has(subject, "process_view") or "process_view" in hops:
            hops["process_view"] = hops.get("process_view", 0) + 1
        return hops
    return _view_hops(subject)


def stand_in(factory: Any) -> Any:
    """Return what can be asked for hooks without making a middleware: no code of it runs."""
    if not isinstance(factory, type):
        return factory
    try:
        return object.__new__(factory)
    except TypeError:
        return factory


def is_on_the_loop(factory: Any) -> bool:
    """Whether ``factory`` makes declared middleware; asked so, since a class may be unhashable."""
    return OnTheLoop in type(factory).__mro__


def has(subject: Any, hook: str) -> bool:
    """Whether Django would find ``hook``; an attribute that fails is none."""
    try:
        return hasattr(subject, hook)
    except Exception:
        return False


def class_of(subject: Any) -> type[Any]:
    """Return the class whose hooks run."""
    return subject if isinstance(subject, type) else type(subject)


def runs_our_hooks(subject: Any) -> bool:
    """Whether ``subject`` has hooks that run as our mixin runs them."""
    cls: Any = class_of(subject)
    return (
        isinstance(subject, AsyncMiddlewareMixin)
        and cls.__call__ is AsyncMiddlewareMixin.__call__
        and cls.__acall__ is AsyncMiddlewareMixin.__acall__
    )


def runs_djangos_hooks(subject: Any) -> bool:
    """Whether ``subject`` has hooks that Django's mixin runs, in a thread each."""
    cls: Any = class_of(subject)
    return issubclass(cls, MiddlewareMixin) and cls.__acall__ is MiddlewareMixin.__acall__


def bypasses_async(subject: Any) -> bool:
    """Whether ``__call__`` was overridden in a subclass of Django's mixin and forgets the async mode."""
    cls: Any = class_of(subject)
    if not issubclass(cls, MiddlewareMixin) or iscoroutinefunction(cls.__call__):
        return False
    if cls.__call__ in (MiddlewareMixin.__call__, AsyncMiddlewareMixin.__call__):
        return False
    return definition(cls.__call__) is not None and not _ASKS_FOR_MODE & names_in(cls.__call__)


def _djangos_hops(subject: Any) -> Hops:
    return {hook: 1 for hook in ("process_request", "process_response") if has(subject, hook)}


def _our_hops(subject: Any) -> tuple[Hops, int]:
    hops, sometimes = {}, 0
    for hook in COUNTED:
        mode = resolve(subject, hook)
        own = OwnHops(always=1) if mode is Mode.HOP else OwnHops()
        if mode is Mode.TWIN:
            own = _twin_hops(subject, awaitable_hook(subject, hook))
        if own.always:
            hops[hook] = own.always
        sometimes += own.sometimes
    return hops, sometimes


def _twin_hops(subject: Any, twin: Any) -> OwnHops:
    if is_ours(twin):
        return OwnHops(twin_hops(twin, subject))
    return own_hops(twin, subject)


def _view_hops(subject: Any) -> Hops:
    if not has(subject, "process_view") or iscoroutinefunction(subject.process_view):
        return {}
    return {"process_view": 1}


def _is_async_only(subject: Any, hook: str) -> bool:
    """Whether sync code must call ``hook`` through ``async_to_sync``."""
    method = getattr(class_of(subject), hook, None)
    return iscoroutinefunction(method or getattr(subject, f"a{hook}", None))


def _own_hops(subject: Any) -> OwnHops:
    known = KNOWN.get(dotted_path(class_of(subject)))
    if known is not None and known.own_hops is not None:
        return OwnHops(known.own_hops())
    total = inner_hops(subject)
    for coroutine in _coroutines(subject):
        total += own_hops(coroutine, subject)
        if {"super", "__acall__"} <= names_in(coroutine):
            total += _hops_of_super(subject)
    return total


def _hops_of_super(subject: Any) -> OwnHops:
    """Return the hops of ``super().__acall__()``."""
    if isinstance(subject, AsyncMiddlewareMixin):
        hops, sometimes = _our_hops(subject)
        return OwnHops(sum(hops.values()) - hops.get("process_view", 0), sometimes)
    if issubclass(class_of(subject), MiddlewareMixin):
        return OwnHops(len(_djangos_hops(subject)))
    found = (
        vars(cls)["__acall__"] for cls in class_of(subject).__mro__ if "__acall__" in vars(cls)
    )
    _, *others = found
    return own_hops(others[0], subject) if others else OwnHops()


def _coroutines(subject: Any) -> Iterator[Any]:
    """Yield the coroutine function that runs when ``subject`` is called in async mode, if there is one."""
    cls: Any = class_of(subject)
    candidates = (subject, cls.__call__, getattr(subject, "__acall__", None))
    yield from (one for one in candidates if definition(one) and iscoroutinefunction(one))
