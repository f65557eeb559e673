"""Runs the hooks of a middleware that is declared free of I/O on the event loop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import SynchronousOnlyOperation

from django_asynckit._compat import iscoroutinefunction
from django_asynckit.handler.errors import run_for
from django_asynckit.handler.promises import Promise
from django_asynckit.middleware import AsyncMiddlewareMixin
from django_asynckit.middleware._hooks import HOOKS
from django_asynckit.middleware._responses import run_for_response
from django_asynckit.types import AsyncGetResponse


class InlineHooks(AsyncMiddlewareMixin):
    """Stands in for ``middleware`` in the chain, and runs those of its ``hooks`` that it has.

    Where ``promise`` is broken they run in the request's thread.
    """

    def __init__(
        self,
        get_response: AsyncGetResponse,
        middleware: Any,
        promise: Promise,
        hooks: Iterable[str] = HOOKS,
    ) -> None:
        super().__init__(get_response)
        self.middleware = middleware
        self.promise = promise
        for hook in hooks:
            if hasattr(middleware, hook):
                setattr(self, hook, _inline(middleware, hook, promise))


def _inline(middleware: Any, hook: str, promise: Promise) -> Any:
    """Return a function that runs ``hook``, looked up at each call, as Django's mixin does."""
    is_async = iscoroutinefunction(getattr(middleware, hook))

    async def run(*args: Any) -> Any:
        method = getattr(middleware, hook)
        if is_async:
            return await method(*args)
        if promise.is_broken:
            return await _run_in_thread(hook, method, args)
        try:
            return method(*args)
        except SynchronousOnlyOperation as error:
            await promise.note(error)
            raise

    function: Any = run
    # Django names the middleware by its hook's __self__ in errors.
    function.__self__ = middleware
    return function


async def _run_in_thread(hook: str, method: Any, args: tuple[Any, ...]) -> Any:
    request = args[0]
    if hook == "process_exception":
        return await run_for(request, args[1], method, *args)
    return await run_for_response(request, method, *args)
