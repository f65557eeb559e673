"""Runs what tests call on a middleware directly the way it runs under ASGI."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from contextvars import ContextVar

from asgiref.sync import async_to_sync, iscoroutinefunction, sync_to_async
from django.core.handlers.base import BaseHandler

from django_asynckit.middleware import AsyncMiddlewareMixin
from django_asynckit.middleware._hooks import HOOKS
from django_asynckit.middleware._offers import offer
from tests.djangosuite.uses import note

#: Whether a handler makes the middleware, or our own code calls the hook.
_not_by_a_test: ContextVar[bool] = ContextVar("not_by_a_test", default=False)


@contextlib.contextmanager
def _by_a_test(answer: bool):
    token = _not_by_a_test.set(not answer)
    try:
        yield
    finally:
        _not_by_a_test.reset(token)


def run_direct_calls_async() -> None:
    """From now on, a middleware that a test makes around a sync function is in async mode inside."""
    original_load = BaseHandler.load_middleware
    original_init = AsyncMiddlewareMixin.__init__
    original_call = AsyncMiddlewareMixin.__call__

    def load_middleware(self, is_async=False):
        with _by_a_test(False):
            original_load(self, is_async)

    def __init__(self, get_response):
        if not _is_made_by_a_sync_test(get_response):
            original_init(self, get_response)
            return
        methods = {hook: getattr(self, hook, None) for hook in HOOKS}
        original_init(self, _as_async(get_response))
        # To other code it is what it would have been: a sync function of the request.
        self.__dict__.pop("_is_coroutine_marker", None)
        self.__dict__.pop("_is_coroutine_mark", None)
        self._is_direct = True
        note(type(self), "direct")
        for hook, method in methods.items():
            if method is not None:
                offer(self, hook, _direct_hook(self, hook, method))

    def __call__(self, request):
        if getattr(self, "_is_direct", False) and not _not_by_a_test.get():
            return _run(self.__acall__, request)
        return original_call(self, request)

    BaseHandler.load_middleware = load_middleware
    AsyncMiddlewareMixin.__init__ = __init__
    AsyncMiddlewareMixin.__call__ = __call__


def _is_made_by_a_sync_test(get_response) -> bool:
    if _not_by_a_test.get() or get_response is None or iscoroutinefunction(get_response):
        return False
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return True
    return False


def _as_async(get_response):
    def call(request):
        with _by_a_test(True):
            return get_response(request)

    @functools.wraps(get_response, updated=())
    async def aget_response(request):
        return await sync_to_async(call)(request)

    return aget_response


def _direct_hook(middleware, hook, method):
    @functools.wraps(method)
    def run(*args, **kwargs):
        if _not_by_a_test.get() or kwargs:
            return method(*args, **kwargs)
        return _run(middleware._run_hook, hook, method, *args)

    return run


def _run(coroutine_function, *args):
    async def run():
        with _by_a_test(False):
            return await coroutine_function(*args)

    return async_to_sync(run)()
