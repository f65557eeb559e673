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
    function = getattr(function, "__func__", function)
    rule = _RULES.get(f"{function.__module__.rpartition('.')[2]}:{function.__qualname__}")
    return int(rule is not None and rule(middleware))


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
        alias = getattr(middleware, "cache_alias", settings.CACHE_MIDDLEWARE_ALIAS)
        return cache_blocks(alias, name)

    return blocks


_RULES: Final[dict[str, Callable[[Any], bool]]] = {
    "sessions:SessionMiddleware.aprocess_request": _makes_store_in_thread,
    "sessions:SessionMiddleware.aprocess_response": _reads_store_in_thread,
    "csrf:CsrfViewMiddleware.aprocess_request": _csrf_reads_store_in_thread,
    "messages:MessageMiddleware.aprocess_request": _has_foreign_storage,
    "messages:MessageMiddleware.aprocess_response": _has_foreign_storage,
    "cache:UpdateCacheMiddleware.aprocess_response": _cache_blocks("set"),
    "cache:FetchFromCacheMiddleware.aprocess_request": _cache_blocks("get"),
}
