"""Whether reading or saving a session blocks, and whether it can be awaited instead."""

from __future__ import annotations

import contextlib
import functools
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends import cache, cached_db, db, file, signed_cookies
from django.contrib.sessions.backends.base import SessionBase
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest

from django_asynckit.middleware._caches import is_made_on_loop
from django_asynckit.middleware._mro import has_own_twin, position
from django_asynckit.middleware._replay import is_ahead
from django_asynckit.middleware._stores import NATIVE, OneHop

#: Django's stores, exactly these classes, and ours in their place. Running the sync methods in one
#: hop is cheaper than awaiting each of the async ones, unless their cache can be awaited.
_DJANGOS = (
    db.SessionStore,
    cache.SessionStore,
    cached_db.SessionStore,
    file.SessionStore,
    signed_cookies.SessionStore,
    *NATIVE,
)

#: Methods that only look at what the session holds in memory already.
_IN_MEMORY = (
    "is_empty",
    "get",
    "_get_session",
    "__getitem__",
    "__setitem__",
    "__contains__",
    "pop",
    "clear",
)


@functools.cache
def reads_in_memory(store: type[Any]) -> bool:
    """Whether ``store`` reads a loaded session the way Django's base class does."""
    if store in _DJANGOS:
        return True
    return (
        issubclass(store, SessionBase)
        and all(getattr(store, name) is getattr(SessionBase, name) for name in _IN_MEMORY)
        and not hasattr(store, "accessed")
        and not hasattr(store, "modified")
    )


def is_made_in_memory(store: Any) -> bool:
    """Whether making a ``store`` does no I/O, as with Django's own; others may in ``__init__``."""
    init_module = getattr(getattr(store, "__init__", None), "__module__", "")
    if not init_module.startswith("django.contrib.sessions.backends."):
        return False
    if issubclass(store, file.SessionStore):
        return _has_checked_folder(store)
    if issubclass(store, cache.SessionStore | cached_db.SessionStore):
        return is_made_on_loop(settings.SESSION_CACHE_ALIAS)
    return True


@functools.cache
def awaits_natively(store: type[Any]) -> bool:
    """Whether the async methods of ``store`` are its own and no sync method was overridden since.

    A store inherits async methods that hop from Django's classes; those are not native. A sync
    method that is overridden nearer than its async one must be the one that runs.
    """
    if not issubclass(store, SessionBase) or issubclass(store, _DJANGOS):
        return False
    own = [store.__mro__[position(store, name)] for name in ("aload", "asave")]
    return SessionBase not in own and not any(
        position(store, name) < position(store, f"a{name.lstrip('_')}", f"_a{name.lstrip('_')}")
        for name in _paired_names()
    )


def is_awaited(session: SessionBase) -> bool:
    """Whether the async methods of ``session`` are to be awaited rather than the sync ones run in a thread."""
    store: Any = type(session)
    return session._is_awaited() if isinstance(session, OneHop) else awaits_natively(store)


@functools.cache
def overrides_aload(store: Any) -> bool:
    """Whether ``aload`` was overridden nearer than ``load``: then it must be the one that runs."""
    if issubclass(store, OneHop):
        return False
    return reads_in_memory(store) and (
        position(store, "aload", "_aget_session") < position(store, "load", "_get_session")
    )


def prefers_async(session: SessionBase) -> bool:
    """Whether an async method of ``session`` must be the one that runs, since it is native or nearer."""
    if isinstance(session, OneHop):
        return session._is_awaited()
    return _prefers_async(session.__class__)


@functools.cache
def _prefers_async(store: Any) -> bool:
    return awaits_natively(store) or any(has_own_twin(store, name) for name in _paired_names())


def _has_checked_folder(store: type[file.SessionStore]) -> bool:
    """Let the file store look at its folder, which it does once; a bad one is reported by a request."""
    with contextlib.suppress(ImproperlyConfigured):
        store._get_storage_path()  # type: ignore[attr-defined]
    return hasattr(store, "_storage_path")


def is_loaded_or_empty(request: HttpRequest) -> bool:
    """Whether Django can read ``request.session`` now without any I/O."""
    session = getattr(request, "session", None)
    if session is None:
        return True
    store: Any = type(session)
    if not reads_in_memory(store):
        return False
    return (
        store is signed_cookies.SessionStore
        or "_session_cache" in session.__dict__
        or is_ahead(session)
        or session.session_key is None
    )


async def load_natively(request: HttpRequest) -> bool:
    """Load ``request.session`` if its store can be awaited; return whether it is loaded now.

    To be called only where Django would read the session next: it counts as accessed.
    """
    session: Any = request.session
    store: Any = type(session)
    if reads_in_memory(store) and is_awaited(session):
        await session._aget_session()
        return True
    return False


@functools.cache
def _paired_names() -> tuple[str, ...]:
    names = dir(SessionBase)
    return tuple(
        name
        for name in names
        if not name.startswith("__")
        and (f"a{name}" in names or (name.startswith("_") and f"_a{name[1:]}" in names))
    )
