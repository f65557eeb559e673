"""Runs what tests call on a middleware directly the way it runs under ASGI.

A test makes a middleware around a sync function, and calls it or one of its hooks. Here it is made
around a coroutine function instead, so that its twins and its rules about hops are what answers;
the test, which knows nothing of this, waits in ``async_to_sync``.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from contextvars import ContextVar

from asgiref.sync import async_to_sync, iscoroutinefunction, sync_to_async
from django.core.handlers.base import BaseHandler

from django_asynckit._compat import MiddlewareMixin
from django_asynckit.middleware import AsyncMiddlewareMixin
from django_asynckit.middleware._hooks import HOOKS
from django_asynckit.middleware._offers import offer
from tests.djangosuite.uses import note

#: False while a handler makes its chain, and while the middleware itself calls its hooks.
_by_a_test: ContextVar[bool] = ContextVar("by_a_test", default=True)


_original_load = BaseHandler.load_middleware
_original_init = AsyncMiddlewareMixin.__init__
_original_call = AsyncMiddlewareMixin.__call__


def run_direct_calls_async() -> None:
    """From now on, let middleware that a test makes around a sync function be in async mode."""
    BaseHandler.load_middleware = _load_middleware
    AsyncMiddlewareMixin.__init__ = _init
    AsyncMiddlewareMixin.__call__ = _call


def _load_middleware(self, is_async=False):
    with _called_by_a_test(False):
        _original_load(self, is_async)


def _init(self, get_response):
    if get_response is None or iscoroutinefunction(get_response) or not _may_wait():
        _original_init(self, get_response)
        return
    methods = {hook: getattr(self, hook) for hook in HOOKS if hasattr(self, hook)}
    _original_init(self, _as_async(get_response))
    _look_sync(self)
    self._direct_get_response = get_response
    for hook, method in methods.items():
        offer(self, hook, _direct_hook(self, hook, method))
    note(type(self), "direct")


def _call(self, request):
    if not hasattr(self, "_direct_get_response"):
        return _original_call(self, request)
    if _may_wait():
        return _wait_for(self.__acall__, request)
    return _as_under_wsgi(self, request)


@contextlib.contextmanager
def _called_by_a_test(answer: bool):
    token = _by_a_test.set(answer)
    try:
        yield
    finally:
        _by_a_test.reset(token)


def _may_wait() -> bool:
    """Whether a test is calling, and not from its own event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _by_a_test.get()
    return False


def _as_async(get_response):
    def call(request):
        with _called_by_a_test(True):
            return get_response(request)

    async def aget_response(request):
        return await sync_to_async(call)(request)

    return aget_response


def _look_sync(middleware) -> None:
    """Undo ``markcoroutinefunction()``, since others are to call ``middleware`` as a sync function."""
    for mark in ("_is_coroutine_marker", "_is_coroutine"):
        middleware.__dict__.pop(mark, None)
    assert not iscoroutinefunction(middleware)


def _direct_hook(middleware, hook, method):
    @functools.wraps(method)
    def run(*args):
        if _may_wait():
            return _wait_for(middleware._run_hook, hook, method, *args)
        return method(*args)

    return run


def _as_under_wsgi(middleware, request):
    """Run Django's own code: the middleware was made in a sync set-up and is called in a loop."""
    get_response = middleware.get_response
    middleware.get_response, middleware.async_mode = middleware._direct_get_response, False
    try:
        return MiddlewareMixin.__call__(middleware, request)
    finally:
        middleware.get_response, middleware.async_mode = get_response, True


def _wait_for(coroutine_function, *args):
    async def run():
        with _called_by_a_test(False):
            return await coroutine_function(*args)

    return async_to_sync(run)()
