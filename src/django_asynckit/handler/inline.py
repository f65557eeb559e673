"""Runs the hooks of a middleware that is declared free of I/O on the event loop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django_asynckit._compat import iscoroutinefunction
from django_asynckit.middleware import AsyncMiddlewareMixin, non_blocking
from django_asynckit.middleware._hooks import HOOKS
from django_asynckit.types import AsyncGetResponse

#: Django's handlers would adapt these if they were sync.
_ALWAYS_ASYNC = ("process_view", "process_template_response")


class InlineHooks(AsyncMiddlewareMixin):
    """Stands in for ``middleware`` in the chain, and runs those of its ``hooks`` that it has."""

    def __init__(
        self, get_response: AsyncGetResponse, middleware: Any, hooks: Iterable[str] = HOOKS
    ) -> None:
        super().__init__(get_response)
        self.middleware = middleware
        for hook in hooks:
            if hasattr(middleware, hook):
                setattr(self, hook, _inline(middleware, hook))


def _inline(middleware: Any, hook: str) -> Any:
    """Return a function that runs ``hook``, looked up at each call, as Django's mixin does."""
    is_async = iscoroutinefunction(getattr(middleware, hook))

    async def run_async(*args: Any) -> Any:
        result = getattr(middleware, hook)(*args)
        return await result if is_async else result

    @non_blocking
    def run(*args: Any) -> Any:
        return getattr(middleware, hook)(*args)

    function: Any = run_async if is_async or hook in _ALWAYS_ASYNC else run
    # Django names the middleware by its hook's __self__ in errors.
    function.__self__ = middleware
    return function
