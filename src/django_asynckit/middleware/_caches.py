"""Which caches can be used on the event loop, and which of their methods can be awaited."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from http.cookies import SimpleCookie
from typing import Any, Final

from django.core.cache import BaseCache, caches
from django.core.cache.backends.base import default_key_func
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.locmem import LocMemCache
from django.http import HttpResponse, JsonResponse
from django.http.response import ResponseHeaders
from django.template.response import SimpleTemplateResponse, TemplateResponse
from django.utils.module_loading import import_string

from django_asynckit._compat import iscoroutinefunction
from django_asynckit.middleware._hooks import is_non_blocking
from django_asynckit.middleware._mro import position

_IN_MEMORY: Final = (LocMemCache, DummyCache)
_METHODS: Final = frozenset(name for name in dir(BaseCache) if not name.startswith("__"))
#: What each method calls: an override of these, nearer than the async method, was made for threads.
_KEY_METHODS: Final = ("make_key", "make_and_validate_key", "validate_key")

_RESPONSES: Final = (HttpResponse, JsonResponse, SimpleTemplateResponse, TemplateResponse)
_PLAIN: Final = (str, bytes, int, bool, type(None), ResponseHeaders, SimpleCookie)
#: Attributes of a response that are either not pickled, or hold what Django put there.
_PICKLED_BY_DJANGO: Final = frozenset(
    (*TemplateResponse.rendering_attrs, "_container", "_handler_class")
)


def cache_on_loop(alias: str) -> Any:
    """Return the cache ``alias``, or ``None`` if nothing of it can be used on the event loop."""
    backend = _backend(alias)
    if backend in _IN_MEMORY or _async_name(backend, "get") or _async_name(backend, "set"):
        return caches[alias]
    return None


def _backend(alias: str) -> Any:
    """Return the class of the cache ``alias``, or ``None`` if it is no class, or was not imported so far."""
    path: str = caches.settings.get(alias, {}).get("BACKEND", "")
    module, _, name = path.rpartition(".")
    backend = getattr(sys.modules.get(module), name, None)
    return backend if isinstance(backend, type) else None


def is_made_on_loop(alias: str) -> bool:
    """Whether making the cache ``alias`` does no I/O, as with Django's own and those made for the event loop.

    May import its backend: to be called where no event loop runs.
    """
    path: str = caches.settings.get(alias, {}).get("BACKEND", "")
    if path.startswith("django.core.cache.backends."):
        return bool(
            path != "django.core.cache.backends.filebased.FileBasedCache"
        )  # Makes a folder.
    try:
        backend = import_string(path)
    except ImportError:
        return False  # Reported by a request, as on stock Django.
    return isinstance(backend, type) and _async_name(backend, "get") is not None


def is_stored_on_loop_only(alias: str) -> bool:
    """Whether the cache ``alias`` has no sync method that stores, so that threads cannot."""
    backend = _backend(alias)
    return backend is not None and _is_async_only(backend, "set")


def is_in_memory(cache: object) -> bool:
    """Whether ``cache`` is exactly one of Django's that do no I/O, with nothing of a user's in it."""
    return type(cache) in _IN_MEMORY and _METHODS.isdisjoint(vars(cache)) and _has_plain_keys(cache)


def awaitable(cache: Any, name: str) -> Callable[..., Any] | None:
    """Return the async method of ``cache`` to await for the sync method ``name``, if there is one.

    It must be the backend's own, and no sync code of a user's may be passed over by it: neither
    an override of ``name`` nor a function for keys, which may read what a thread of the request
    knows, the tenant for example. A backend without the sync method has no other choice.
    """
    backend: Any = type(cache)
    async_name = _async_name(backend, name)
    if async_name is None:
        return None
    if _is_async_only(backend, name) or (name not in vars(cache) and _has_plain_keys(cache)):
        method: Callable[..., Any] = getattr(cache, async_name)
        return method
    return None


def pickles_in_memory(value: object) -> bool:
    """Whether pickling ``value``, a page or a list of headers, runs no code but Django's.

    Pickling a lazy object or a queryset, which a view may have put on its response, reads the
    database.
    """
    if type(value) not in _RESPONSES:
        return type(value) is list
    state = vars(value)
    return not state["_resource_closers"] and all(
        type(attribute) in _PLAIN or name in _PICKLED_BY_DJANGO
        for name, attribute in state.items()
        if name != "_resource_closers"
    )


def _has_plain_keys(cache: Any) -> bool:
    key_func = getattr(cache, "key_func", default_key_func)
    return key_func is default_key_func or is_non_blocking(key_func)


@functools.cache
def _async_name(backend: Any, name: str) -> str | None:
    """Return the name of the async method of ``backend`` for ``name``, if it is its own."""
    if iscoroutinefunction(getattr(backend, name, None)):
        return name
    if not hasattr(backend, f"a{name}"):
        return None
    own = position(backend, f"a{name}")
    if backend.__mro__[own].__module__.startswith("django."):
        return None
    if _is_async_only(backend, name) or own <= position(backend, name, *_KEY_METHODS):
        return f"a{name}"
    return None


def _is_async_only(backend: type[Any], name: str) -> bool:
    sync = getattr(backend, name, None)
    return sync is getattr(BaseCache, name) or iscoroutinefunction(sync)
