"""How many hops the twins of our native classes make for an anonymous GET, from the settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.core.cache import caches
from django.utils.module_loading import import_string

from django_asynckit.conf import setting
from django_asynckit.middleware._caches import awaitable, cache_on_loop, is_in_memory
from django_asynckit.middleware._sessions import is_made_in_memory, reads_in_memory
from django_asynckit.middleware._stores import native_store

_OURS: Final = "django_asynckit."
_DJANGOS_STORAGES: Final = "django.contrib.messages.storage."


def is_ours(function: Any) -> bool:
    """Whether ``function`` was written in this package."""
    return str(getattr(function, "__module__", "")).startswith(_OURS)


def twin_hops(function: Any, middleware: Any) -> int:
    """Return the hops of ``function``, a twin of ours, for an anonymous GET of a page in no cache."""
    rule = _rule(function)
    return int(rule is not None and rule[0](middleware))


def twin_fix(function: Any, middleware: Any) -> str:
    """Return which setting makes ``function``, a twin of ours that hops, do so, and what to do about it."""
    rule = _rule(function)
    return rule[1](middleware) if rule is not None else ""


def _rule(function: Any) -> _Rule | None:
    function = getattr(function, "__func__", function)
    return _RULES.get(f"{function.__module__.rpartition('.')[2]}:{function.__qualname__}")


def _store(middleware: Any) -> Any:
    """Return the session store; ``None`` if it cannot be imported, which requests report."""
    store = getattr(middleware, "SessionStore", None)
    if store is None:
        try:
            store = import_string(f"{settings.SESSION_ENGINE}.SessionStore")
        except Exception:  # A module may raise anything.
            return None
    return native_store(store)


def _makes_store_in_thread(middleware: Any) -> bool:
    store = _store(middleware)
    return store is not None and not is_made_in_memory(store)


def _reads_store_in_thread(middleware: Any) -> bool:
    store = _store(middleware)
    return store is not None and not reads_in_memory(store)


def _csrf_reads_store_in_thread(_middleware: Any) -> bool:
    return bool(settings.CSRF_USE_SESSIONS) and _reads_store_in_thread(None)


def _has_foreign_storage(_middleware: Any) -> bool:
    return not setting("MESSAGE_STORAGE").startswith(_DJANGOS_STORAGES)


def cache_blocks(alias: str, name: str) -> bool:
    """Whether the method ``name`` of the cache ``alias`` takes a hop."""
    try:
        import_string(caches.settings.get(alias, {}).get("BACKEND", ""))
    except Exception:  # A module may raise anything.
        return True  # A request reports it, from its thread.
    cache = cache_on_loop(alias)
    return cache is None or not (is_in_memory(cache) or awaitable(cache, name))


def _cache_blocks(name: str) -> Callable[[Any], bool]:
    def blocks(middleware: Any) -> bool:
        return cache_blocks(_alias(middleware), name)

    return blocks


def _alias(middleware: Any) -> str:
    return str(getattr(middleware, "cache_alias", settings.CACHE_MIDDLEWARE_ALIAS))


def _fix_of_sessions(_middleware: Any) -> str:
    return (
        f"SESSION_ENGINE is {settings.SESSION_ENGINE}, whose store may block where it is made or looked "
        "at. Use Django's engine of signed cookies or of the database, or one that leaves __init__() and "
        "the methods that only read the loaded session to Django's classes."
    )


def _fix_of_csrf(_middleware: Any) -> str:
    return (
        "CSRF_USE_SESSIONS is on, so each request loads its session. Set it to False, or use "
        "signed-cookie sessions, or a session store whose async methods are its own."
    )


def _fix_of_messages(_middleware: Any) -> str:
    return (
        f"MESSAGE_STORAGE is {setting('MESSAGE_STORAGE')}, which may block. Use one of "
        "django.contrib.messages.storage."
    )


def _fix_of_caches(middleware: Any) -> str:
    return (
        f"CACHES[{_alias(middleware)!r}] has no async methods of its own. Use a backend that has, or "
        "leave it: one hop for what is cached may be cheaper than what it saves."
    )


_Rule = tuple[Callable[[Any], bool], Callable[[Any], str]]
#: Whether a twin hops, and what to do about it.
_RULES: Final[dict[str, _Rule]] = {
    "sessions:SessionMiddleware.aprocess_request": (_makes_store_in_thread, _fix_of_sessions),
    "sessions:SessionMiddleware.aprocess_response": (_reads_store_in_thread, _fix_of_sessions),
    "csrf:CsrfViewMiddleware.aprocess_request": (_csrf_reads_store_in_thread, _fix_of_csrf),
    "messages:MessageMiddleware.aprocess_request": (_has_foreign_storage, _fix_of_messages),
    "messages:MessageMiddleware.aprocess_response": (_has_foreign_storage, _fix_of_messages),
    "cache:UpdateCacheMiddleware.aprocess_response": (_cache_blocks("set"), _fix_of_caches),
    "cache:FetchFromCacheMiddleware.aprocess_request": (_cache_blocks("get"), _fix_of_caches),
}
