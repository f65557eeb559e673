"""Drop-in for ``django.middleware.http``."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.middleware import http
from django.template.response import SimpleTemplateResponse

from django_asynckit._bridge import run_beside, run_in_pool, run_in_worker
from django_asynckit.middleware._mro import is_untouched
from django_asynckit.middleware.mixin import AsyncMiddlewareMixin

#: Bytes whose hash costs as much as a hop, some 150 microseconds.
SMALL_CONTENT: Final = 2**17

_DJANGOS_CONTENT: Final = (HttpResponse.content, SimpleTemplateResponse.content)
#: With these Django may log a failed precondition, and a log handler may do I/O.
_PRECONDITIONS: Final = ("HTTP_IF_MATCH", "HTTP_IF_UNMODIFIED_SINCE")


class ConditionalGetMiddleware(AsyncMiddlewareMixin, http.ConditionalGetMiddleware):
    """Django's class; it leaves the event loop to hash a large response, which others do beside it."""

    async_capable = True

    async def aprocess_response(self, request: HttpRequest, response: Any) -> Any:
        hook = super().process_response
        if request.method != "GET":
            return response  # Django's hook would do nothing.
        if any(name in request.META for name in _PRECONDITIONS):
            return await run_in_worker(hook, request, response)
        if response.streaming or response.has_header("ETag"):
            return hook(request, response)
        if getattr(type(response), "content", None) not in _DJANGOS_CONTENT:
            return await run_in_worker(hook, request, response)
        if len(response.content) > SMALL_CONTENT and self.needs_etag(response):
            # A needs_etag() of the user's, which is declared free of I/O, may ask for the context.
            run = run_in_pool if is_untouched(self.needs_etag, http) else run_beside
            return await run(hook, request, response)
        return hook(request, response)
