"""Middleware of every kind, healthy and not."""

from __future__ import annotations

import asyncio

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpResponse
from django.utils.decorators import (
    async_only_middleware,
    sync_and_async_middleware,
    sync_only_middleware,
)

from django_asynckit._compat import MiddlewareMixin
from django_asynckit.middleware import AsyncMiddlewareMixin, non_blocking
from tests.audit import helping
from tests.audit.helping import async_version, mark


async def page(request):
    return HttpResponse("fine")


def sync_page(request):
    return HttpResponse("fine")


def work(*args):
    """Stands for what blocks."""


def sync_function(get_response):
    def middleware(request):
        return get_response(request)

    return middleware


class SyncClass:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_view(self, *args):
        """One hop, though everything around it is sync."""


@sync_only_middleware
def sync_only(get_response):
    return sync_function(get_response)


@async_only_middleware
def async_only(get_response):
    async def middleware(request):
        return await get_response(request)

    return middleware


@sync_and_async_middleware
def both(get_response):
    if not iscoroutinefunction(get_response):
        return sync_function(get_response)

    async def middleware(request):
        await sync_to_async(work)()
        return await get_response(request)

    return middleware


class Native:
    """The usual way to write a class for both modes."""

    sync_capable = async_capable = True

    def __init__(self, get_response):
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request):
        if iscoroutinefunction(self):
            return self.__acall__(request)
        return self.get_response(request)

    async def __acall__(self, request):
        return await self.get_response(request)


class Hopping(Native):
    """Its coroutine goes to threads itself."""

    async def __acall__(self, request):
        if request.method == "POST" and await self.load(request):
            await asyncio.to_thread(work)
        for _ in ():
            await sync_to_async(work)()
        with contextless():
            await self.load(request)
        try:
            return await self.get_response(request)
        except ValueError:
            await sync_to_async(work)()
        finally:
            await asyncio.get_running_loop().run_in_executor(None, work)

    async def load(self, request):
        await sync_to_async(work)()
        return True


class HoppingTogether(Native):
    """Its hops are in variables and in gather()."""

    async def __acall__(self, request):
        load = sync_to_async(work)
        await load()
        await asyncio.gather(load(), asyncio.to_thread(work))
        return await self.get_response(request)


class Extending(Hopping):
    """Leaves the hops to its base class."""

    async def __acall__(self, request):
        return await super().__acall__(request)


class MixedIn:
    """Relies on what a subclass has beside it."""

    sync_capable = False
    async_capable = True

    def __init__(self, get_response):
        self.get_response = get_response
        markcoroutinefunction(self)

    def __call__(self, request):
        return self.__acall__(request)

    async def __acall__(self, request):
        call = super().__acall__ if hasattr(super(), "__acall__") else self.get_response
        return await call(request)


class contextless:
    def __enter__(self):
        return None

    def __exit__(self, *args):
        return None


class AsyncCall:
    """A coroutine function by itself."""

    sync_capable = False
    async_capable = True

    def __init__(self, get_response):
        self.get_response = get_response
        markcoroutinefunction(self)

    async def __call__(self, request):
        await asyncio.to_thread(work)
        return await self.get_response(request)

    async def process_view(self, *args):
        """Awaited."""


class MarkedByHelper:
    """Leaves the mark to a function."""

    sync_capable = async_capable = True
    __call__, __acall__ = Native.__call__, Native.__acall__

    def __init__(self, get_response):
        self.get_response = get_response
        mark(self, get_response)


class MarkedByModule:
    """Finds that function in a module, in a method without self."""

    sync_capable = async_capable = True
    __call__, __acall__ = Native.__call__, Native.__acall__

    def __init__(self, get_response):
        self.get_response = get_response
        self.prepare(self, get_response)

    @staticmethod
    def prepare(middleware, get_response):
        helping.mark(middleware=middleware, get_response=get_response)


@sync_and_async_middleware
def made_by_helper(get_response):
    return async_version(get_response) if iscoroutinefunction(get_response) else get_response


@sync_and_async_middleware
def made_of_a_class(get_response):
    return MarkedByHelper(get_response)


class Hooks(MiddlewareMixin):
    def process_request(self, request):
        """One hop."""

    def process_view(self, *args):
        """One hop."""

    def process_response(self, request, response):
        return response


class AsyncViewHook(MiddlewareMixin):
    async def process_view(self, *args):
        """Awaited by Django's handlers."""


class OwnAcall(Hooks):
    """Adds to what the mixin does."""

    async def __acall__(self, request):
        await sync_to_async(work)()
        return await super().__acall__(request)


class OwnCall(Hooks):
    """Knows its mode, and leaves the rest to the mixin."""

    def __call__(self, request):
        return super().__call__(request)


class Late(MiddlewareMixin):
    """Has a hook that only an object shows."""

    def __init__(self, get_response):
        super().__init__(get_response)
        self.process_request = work


class Ours(AsyncMiddlewareMixin):
    @non_blocking
    def process_request(self, request):
        """Inline."""

    def process_view(self, *args):
        """One hop."""

    def process_response(self, request, response):
        return response

    async def aprocess_response(self, request, response):
        if request.method == "POST":
            await sync_to_async(work)()
        await sync_to_async(work)()
        return response


class OursAsyncOnly(AsyncMiddlewareMixin):
    """Has no sync hooks: sync code runs these in an event loop."""

    async def aprocess_request(self, request):
        """Awaited."""

    async def aprocess_view(self, *args):
        """Awaited."""

    async def process_response(self, request, response):
        return response


class OursWithAcall(AsyncMiddlewareMixin):
    def process_request(self, request):
        """One hop."""

    async def __acall__(self, request):
        return await super().__acall__(request)


class NotUsed:
    def __init__(self, get_response):
        raise MiddlewareNotUsed


class Failing:
    def __init__(self, get_response):
        raise ValueError("no key")


def makes_nothing(get_response):
    return None


class Fussy(MiddlewareMixin):
    """Fails where Django asks for a hook that it does not have."""

    @property
    def process_request(self):
        raise AttributeError("not today")


class NeverCapable:
    sync_capable = async_capable = False


class Builtin(dict):
    """No object of it can be made without its own ``__new__``."""

    sync_capable = False
    async_capable = True

    def __init__(self, get_response):
        super().__init__()
        self.get_response = get_response
        markcoroutinefunction(self)

    async def __call__(self, request):
        return await self.get_response(request)


not_a_class = 3
