"""Runs sync middleware on the event loop, suspended while the rest of the chain answers.

Only for middleware that is declared free of I/O. Needs the optional package greenlet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.core.exceptions import SynchronousOnlyOperation
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from greenlet import getcurrent, greenlet

from django_asynckit._bridge import to_sync
from django_asynckit.handler.inline import InlineHooks
from django_asynckit.handler.promises import Promise
from django_asynckit.middleware._responses import run_for_response
from django_asynckit.types import AsyncGetResponse
from django_asynckit.workers.job import spends_its_time_waiting


class SuspendedMiddleware(InlineHooks):
    """Calls a sync middleware in a greenlet; its own hooks run on the event loop."""

    def __init__(
        self, get_response: AsyncGetResponse, middleware: Any, suspension: Suspension
    ) -> None:
        super().__init__(
            get_response,
            middleware,
            suspension.promise,
            ("process_view", "process_template_response", "process_exception"),
        )
        self._suspension = suspension

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase
        if self.promise.is_broken:
            response = await run_for_response(request, _call, self.middleware, request)
        else:
            response = await self._suspension.run(self.middleware, request)
        return response


def _call(middleware: Any, request: HttpRequest) -> Any:
    return middleware(request)


spends_its_time_waiting(_call.__code__)


class Suspension:
    """Makes a sync ``get_response`` of an async one, for code that :meth:`run` runs.

    Each run is a greenlet on the thread of the event loop, in the context of the task that awaits
    it. ``get_response`` switches to that task, which awaits the chain and switches back with the
    response, or with what was raised, a cancellation included.
    """

    def __init__(self, get_response: AsyncGetResponse, promise: Promise) -> None:
        self._get_response = get_response
        self.promise = promise

    def get_response(self, request: HttpRequest) -> HttpResponseBase:
        current: Any = getcurrent()
        if getattr(current, "suspension", None) is not self:
            # Not called by the middleware itself; in a thread of its own this waits, as on stock.
            return to_sync(self._get_response)(request)
        response: HttpResponseBase = current.parent.switch(request)
        return response

    async def run(self, func: Callable[..., Any], request: HttpRequest) -> Any:
        """Return what the sync function ``func`` returns for ``request``."""
        run: Any = greenlet(func)
        run.suspension = self
        run.gr_context = getcurrent().gr_context
        from_inside: list[BaseException] = []
        try:
            result = run.switch(request)
            while not run.dead:
                try:
                    response = await self._get_response(result)
                except BaseException as error:
                    from_inside.append(error)
                    result = run.throw(type(error), error, error.__traceback__)
                else:
                    result = run.switch(response)
        except SynchronousOnlyOperation as error:
            await self._note(error, from_inside)
            raise
        finally:
            from_inside.clear()  # Their tracebacks lead back here.
        return result

    async def _note(
        self, error: SynchronousOnlyOperation, from_inside: Iterable[BaseException]
    ) -> None:
        """Note ``error``, unless the view or an inner middleware has raised it."""
        if not any(error is one for one in from_inside):
            await self.promise.note(error)
