"""Drop-in for ``django.middleware.cache``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final

from django.http import HttpRequest
from django.middleware import cache

from django_asynckit._bridge import run_in_worker
from django_asynckit.middleware._caches import (
    awaitable,
    cache_on_loop,
    is_in_memory,
    is_stored_on_loop_only,
    pickles_in_memory,
)
from django_asynckit.middleware._hooks import may_block, non_blocking
from django_asynckit.middleware.mixin import AsyncMiddlewareMixin

_Call = tuple[tuple[Any, ...], dict[str, Any]]
#: What a subclass may turn into properties: Django's hooks only read them.
_ATTRIBUTES: Final = ("cache_alias", "cache_timeout", "key_prefix", "page_timeout")
_stand_in: ContextVar[Any] = ContextVar("asynckit_cache", default=None)


class _CacheMiddlewareMixin(AsyncMiddlewareMixin):
    """Lets Django's hooks decide on the event loop, with a stand-in for a cache that may block."""

    cache_alias: str

    @property
    @non_blocking
    def cache(self) -> Any:
        stand_in = _stand_in.get()
        return super().cache if stand_in is None else stand_in  # type: ignore[misc]

    def _is_known(self) -> bool:
        cls: Any = type(self)
        return _is_known(cls)

    def _cache_on_loop(self) -> Any:
        return cache_on_loop(self.cache_alias)


class UpdateCacheMiddleware(_CacheMiddlewareMixin, cache.UpdateCacheMiddleware):
    """Django's class; its hook decides on the event loop, and what it stores is stored afterwards.

    In a backend's own async methods, or inline in Django's in-memory backends, or in one hop.
    """

    async_capable = True

    async def aprocess_response(self, request: HttpRequest, response: Any) -> Any:
        hook = super().process_response
        if not self._is_known():
            return await run_in_worker(hook, request, response)
        writes = _Writes(self)
        response = writes.run(hook, request, response)
        if writes.calls:
            await self._store(writes.calls)
        return response

    def needs_event_loop(self) -> bool:
        """Whether a response that is rendered in a thread can be stored by the twin only."""
        return is_stored_on_loop_only(self.cache_alias)

    async def _store(self, calls: list[_Call]) -> None:
        cache = self._cache_on_loop()
        if is_in_memory(cache) and all(pickles_in_memory(args[1]) for args, _ in calls):
            self._store_now(calls)
        elif aset := awaitable(cache, "set"):
            for args, kwargs in calls:
                await aset(*args, **kwargs)
        else:
            await run_in_worker(self._store_now, calls)

    def _store_now(self, calls: list[_Call]) -> None:
        for args, kwargs in calls:
            self.cache.set(*args, **kwargs)


class FetchFromCacheMiddleware(_CacheMiddlewareMixin, cache.FetchFromCacheMiddleware):
    """Django's class; it hops only for a page that may be in a cache that can block."""

    async_capable = True

    async def aprocess_request(self, request: HttpRequest) -> Any:
        hook = super().process_request
        if not self._is_known():
            return await run_in_worker(hook, request)
        cache = self._cache_on_loop()
        if is_in_memory(cache):
            return hook(request)
        aget = awaitable(cache, "get")
        reads = _Reads(self)
        while not reads.suffice(hook, request):
            if aget is None:
                return await run_in_worker(hook, request)
            args, kwargs = reads.wanted
            reads.answers.append(await aget(*args, **kwargs))
        return reads.result


class CacheMiddleware(cache.CacheMiddleware, UpdateCacheMiddleware, FetchFromCacheMiddleware):
    """Django's class; it fetches and updates as the two others do."""

    async_capable = True


@functools.cache
def _is_known(middleware: Any) -> bool:
    """Whether ``middleware`` finds cache and settings as Django's class does, not in code of a user's."""
    return middleware.cache is _CacheMiddlewareMixin.cache and not any(
        may_block(getattr(middleware, name, None)) for name in _ATTRIBUTES
    )


class _StandIn:
    """Takes the place of a cache while one of Django's hooks runs on the event loop."""

    def __init__(self, middleware: Any) -> None:
        self._middleware = middleware

    def __getattr__(self, name: str) -> Any:
        """Give what the hooks do not use from the cache itself, to marked overrides in subclasses."""
        token = _stand_in.set(None)
        try:
            return getattr(self._middleware.cache, name)
        finally:
            _stand_in.reset(token)

    def __contains__(self, key: str) -> bool:
        return bool(self.has_key(key))

    def run(self, hook: Callable[..., Any], *args: Any) -> Any:
        token = _stand_in.set(self)
        try:
            return hook(*args)
        finally:
            _stand_in.reset(token)


class _Writes(_StandIn):
    """Notes what a hook stores."""

    def __init__(self, middleware: Any) -> None:
        super().__init__(middleware)
        self.calls: list[_Call] = []

    def set(self, *args: Any, **kwargs: Any) -> None:
        self.calls.append((args, kwargs))


class _Unanswered(BaseException):
    """Ends a hook that needs to read more."""


class _Reads(_StandIn):
    """Gives a hook the answers that there are; the hook is run again when there is one more."""

    wanted: _Call
    result: Any

    def __init__(self, middleware: Any) -> None:
        super().__init__(middleware)
        self.answers: list[Any] = []
        self._given = 0

    def suffice(self, hook: Callable[..., Any], request: HttpRequest) -> bool:
        """Whether ``hook`` came to its end; then there is a ``result``, else something is ``wanted``."""
        self._given = 0
        try:
            self.result = self.run(hook, request)
        except _Unanswered:
            return False
        return True

    def get(self, *args: Any, **kwargs: Any) -> Any:
        if self._given == len(self.answers):
            self.wanted = args, kwargs
            raise _Unanswered
        self._given += 1
        return self.answers[self._given - 1]
