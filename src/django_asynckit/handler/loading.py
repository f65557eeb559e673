"""Puts native classes in place, and declared middleware on the loop, while Django builds the chain."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

from django.core.handlers import base
from django.utils.module_loading import import_string

from django_asynckit._declared import is_declared, require_valid
from django_asynckit._drift import native_path
from django_asynckit.conf import conf
from django_asynckit.handler.chain import improve
from django_asynckit.handler.declared import on_the_loop

_lock = threading.RLock()


class _Factory:
    """Makes a middleware around a chain whose hops were taken out."""

    def __init__(self, middleware: Any) -> None:
        self._middleware = middleware
        self.sync_capable = getattr(middleware, "sync_capable", True)
        self.async_capable = getattr(middleware, "async_capable", False)

    def __call__(self, get_response: Any) -> Any:
        return self._middleware(improve(get_response))


@contextlib.contextmanager
def native_middleware() -> Iterator[None]:
    """Let ``load_middleware()`` find native classes, and what runs declared middleware on the loop.

    Raises ``ImproperlyConfigured`` for a setting or a declaration that is wrong.

    ``settings.MIDDLEWARE`` stays untouched, because Django's security checks compare its paths;
    and Django's own method does the loading, because others wrap it.
    """
    require_valid()
    with _lock:
        module: Any = base
        original = module.import_string
        if not isinstance(original, _Import):  # Else a middleware is making a handler.
            module.import_string = _Import(original)
        try:
            yield
        finally:
            module.import_string = original


@contextlib.contextmanager
def djangos_middleware() -> Iterator[None]:
    """Let ``load_middleware()`` find what ``settings.MIDDLEWARE`` names, also while another thread builds a chain."""
    with _lock:
        yield


class _Import:
    """Stands in for ``import_string()`` while a chain is built."""

    def __init__(self, original: Callable[[str], Any]) -> None:
        self._original = original

    def __call__(self, path: str) -> _Factory:
        return _Factory(factory_for(path, self._original))


def factory_for(path: str, import_path: Callable[[str], Any] = import_string) -> Any:
    """Return what makes the middleware at ``path`` in our chain.

    That is a native class, what runs declared middleware on the loop, or what ``path`` names.
    """
    named = import_string(path)
    native = native_for(named)
    if native is not None:
        return import_path(native)
    middleware = import_path(path)
    if is_declared(path, named):
        middleware = on_the_loop(path, middleware, named)
    return middleware


def native_for(named: Any) -> str | None:
    """Return the path of the native class to use in the place of ``named``, if there is one."""
    path = native_path(named) if conf.native_middleware else None
    if path is None:
        return None
    may_stand_in = getattr(import_string(path), "may_stand_in", None)
    return path if may_stand_in is None or may_stand_in() else None
