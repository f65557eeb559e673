"""``AsyncMiddlewareMixin``: write middleware once, without a thread hop where nothing blocks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from django_asynckit._bridge import to_sync
from django_asynckit._compat import MiddlewareMixin, iscoroutinefunction
from django_asynckit.middleware._hooks import (
    COLLECTED,
    HOOKS,
    Mode,
    awaitable_twin,
    resolve,
)
from django_asynckit.middleware._offers import offer, refusal
from django_asynckit.middleware._responses import run_for_response
from django_asynckit.types import GetResponse

#: Hooks that the middleware itself runs.
_CALLED = ("process_request", "process_response")
#: How a hook runs, and its twin unless the hook itself is nearer.
_Way = tuple[Mode, Callable[..., Any] | None]


class AsyncMiddlewareMixin(MiddlewareMixin):
    """Base class of middleware that hops to a thread only for what blocks.

    A stand-in for :class:`django.utils.deprecation.MiddlewareMixin` with the same hooks. Under
    ASGI each hook runs in one of three ways:

    - its *twin* (``aprocess_request`` for ``process_request``, and so on) is awaited, unless a
      subclass overrides the sync hook without overriding the twin;
    - a sync hook marked with :func:`non_blocking` is called on the event loop;
    - any other sync hook runs in the request's thread: one hop, as with Django's mixin.

    Under WSGI the sync hooks are called by Django's own code; a twin without a sync hook is run
    with ``async_to_sync``.

    ``get_response`` is the next handler, sync or async; ``ValueError`` is raised if it is ``None``.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        super().__init__(get_response)
        if self.async_mode:
            self._offer_async_hooks()
        else:
            self._offer_sync_hooks()

    def __call__(self, request: HttpRequest) -> Any:
        if self.async_mode:
            return self.__acall__(request)
        return super().__call__(request)

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        method = getattr(self, "process_request", None)
        response = await self._run_hook("process_request", method, request)
        response = response or await self.get_response(request)  # type: ignore[misc]
        if self._mode("process_response") is not Mode.ABSENT:
            method = getattr(self, "process_response", None)
            response = await self._run_hook("process_response", method, request, response)
        return response  # type: ignore[no-any-return]

    def _way(self, hook: str) -> _Way:
        """How ``hook`` runs; looked up at the first call, when ``__init__`` of all classes is done."""
        ways: dict[str, _Way] = self.__dict__.setdefault("_asynckit_ways", {})
        way = ways.get(hook)
        if way is None:
            way = ways[hook] = (resolve(self, hook), awaitable_twin(self, hook))
        return way

    def _mode(self, hook: str) -> Mode:
        return self._way(hook)[0]

    async def _run_hook(self, hook: str, method: Any, *args: Any) -> Any:
        """Run ``hook``, whose sync function is ``method``, the way that was found for it."""
        mode, twin = self._way(hook)
        if mode is Mode.TWIN:
            return await (twin or method)(*args)
        if mode is Mode.INLINE:
            return method(*args)
        if mode is Mode.HOP:
            return await run_for_response(args[0], method, *args)
        return None

    def _offer_async_hooks(self) -> None:
        """Let Django's handlers find coroutine functions where they would adapt a sync hook.

        Set on the instance and only in async mode, since the handlers wrap coroutine functions
        in ``async_to_sync`` under WSGI. An exception hook is offered only where there is no sync
        one: Django's handlers always run these in a thread.
        """
        for hook in COLLECTED:
            method = getattr(self, hook, None)
            if hook == "process_exception" and method is not None:
                continue
            if resolve(self, hook) in (Mode.TWIN, Mode.INLINE):
                offer(self, hook, self._deferred(hook, method))
        for hook in _CALLED:
            if hasattr(self, f"a{hook}") and not hasattr(self, hook):
                offer(self, hook, refusal(self, hook))

    def _deferred(self, hook: str, method: Callable[..., Any] | None) -> Callable[..., Any]:
        """Return a coroutine function that looks up at its first call how ``hook`` runs.

        By then ``__init__`` of all subclasses is done. ``method`` is the hook of the class.
        """

        async def run(*args: Any) -> Any:
            mode, twin = self._way(hook)
            if mode is Mode.TWIN:
                return await (twin or method)(*args)  # type: ignore[misc]
            return await self._run_hook(hook, method, *args)

        # Django names the middleware by its hook's __self__ in errors.
        run.__self__ = self  # type: ignore[attr-defined]
        run.__name__ = hook
        run.__qualname__ = f"{type(self).__qualname__}.{hook}"
        return run

    def _offer_sync_hooks(self) -> None:
        """Give each async hook that has no sync one a function that runs it, for Django's sync code."""
        for hook in HOOKS:
            method = getattr(self, hook, None)
            twin = getattr(self, f"a{hook}", None) if method is None else method
            if twin is not None and iscoroutinefunction(twin):
                offer(self, hook, to_sync(twin))
