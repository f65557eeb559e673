"""Middleware with the mistakes that the audit knows; their healthy twins are in ``stacks``."""

from __future__ import annotations

import asyncio
import functools
import threading

from asgiref.sync import iscoroutinefunction
from django.utils.decorators import sync_and_async_middleware

from django_asynckit._compat import MiddlewareMixin
from django_asynckit.middleware import AsyncMiddlewareMixin
from tests.audit.helping import remember
from tests.audit.stacks import Hooks, Native, SyncClass

kept = threading.local()


class DeadAcall(SyncClass):
    """Its __acall__ is never called."""

    async def __acall__(self, request):
        return await self.get_response(request)


class Unmarked:
    """Its coroutine is taken for a response."""

    async_capable = True

    def __init__(self, get_response):
        self.get_response = get_response

    async def __call__(self, request):
        return await self.get_response(request)


class Asking(Unmarked):
    """Asks, and leaves something else to a function and to a class that marks its own objects."""

    def __init__(self, get_response):
        self.get_response = get_response
        self.is_async = iscoroutinefunction(self) or iscoroutinefunction(get_response)
        self.inner = Native(self)
        remember(self)


@sync_and_async_middleware
def only_sync_inside(get_response):
    def middleware(request):
        return get_response(request)

    return middleware


@sync_and_async_middleware
def made_of_an_unmarked_class(get_response):
    return Asking(get_response)


def makes_coroutine(get_response):
    """Says that it is sync only."""

    async def middleware(request):
        return await get_response(request)

    return middleware


class Bypassing(Hooks):
    """Its __call__ knows no async mode."""

    def __call__(self, request):
        response = self.get_response(request)
        response["X-Seen"] = "yes"
        return response


class AsyncBypassing(Hooks):
    """A coroutine function by itself: the same as an own __acall__."""

    async def __call__(self, request):
        return await self.get_response(request)


class WithoutInit(Hooks):
    def __init__(self, get_response):
        self.get_response = get_response


class WithInit(Hooks):
    def __init__(self, get_response):
        super().__init__(get_response)
        self.get_response = get_response


class AsyncHook(MiddlewareMixin):
    async def process_request(self, request):
        """Django runs it as if it were sync."""


class OursAsyncHook(AsyncMiddlewareMixin):
    async def process_request(self, request):
        """Awaited."""


class Local(Native):
    """In a module with a threading.local."""


def configured(option, get_response):
    return Native(get_response)


partial = functools.partial(configured, "option")
partial.async_capable = True


class Hostile:
    """A factory that fails when it is asked anything but its flags."""

    sync_capable = async_capable = True

    def __call__(self, get_response):
        return Native(get_response)

    def __getattr__(self, name):
        raise ValueError(name)


class WithoutFlags(Hostile):
    """Fails even then."""

    @property
    def sync_capable(self):
        raise ValueError("flags")


hostile = Hostile()
without_flags = WithoutFlags()


class InThreads(MiddlewareMixin):
    """Each hook of a request runs in that request's thread."""

    def process_request(self, request):
        kept.path = request.path


class SaysItIsSync(MiddlewareMixin):
    """Django gives it a sync ``get_response``, so its ``__call__`` is right."""

    async_capable = False

    def __call__(self, request):
        return self.get_response(request)


class SyncOnPurpose(Native):
    """Inherits the async code of its base, and says that it has none of its own."""

    async_capable = False

    def __call__(self, request):
        return self.get_response(request)


class DeadAgain(SyncOnPurpose):
    """Its own async code is never called."""

    async def __acall__(self, request):
        return await self.get_response(request)


class MarkedAsOfOld(Native):
    """Marked the way that Python before 3.12 has."""

    def __init__(self, get_response):
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            self._is_coroutine = getattr(asyncio.coroutines, "_is_coroutine", None)
