"""What our ASGI handler and our test clients share: the request path from middleware to view."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Callable
from typing import Any

from django.core.handlers import base
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import SimpleTemplateResponse
from django.urls import ResolverMatch
from django.utils import timezone

from django_asynckit._asgiref import behind_sync_to_async
from django_asynckit._bridge import adapt
from django_asynckit._compat import iscoroutinefunction
from django_asynckit._logs import log_status
from django_asynckit.conf import setting, worker_settings
from django_asynckit.db.requests import make_async_view_atomic
from django_asynckit.handler import errors
from django_asynckit.handler.chain import call_that_waits, improve, noting, noting_hook
from django_asynckit.handler.error_views import let_error_views_be_async
from django_asynckit.handler.exceptions import ExceptionHooks
from django_asynckit.handler.loading import native_middleware
from django_asynckit.handler.sync_chain import SyncChain, sync_chain_for, take_match
from django_asynckit.handler.urls import set_urlconf
from django_asynckit.middleware._hooks import is_non_blocking
from django_asynckit.middleware._mro import is_untouched
from django_asynckit.middleware._responses import note, run_for_response
from django_asynckit.workers.job import is_waiting


class AsyncHandlerMixin(base.BaseHandler):
    """The async half of Django's ``BaseHandler``, without a hop where nothing blocks."""

    _exception_hooks: ExceptionHooks
    _exception_middleware: Any
    _middleware_chain: Any
    _template_response_middleware: Any
    _view_middleware: Any
    #: Whether middleware that is sync only waits in a thread for what is below it.
    _waits = False
    _sync_chain: SyncChain | None = None

    def load_middleware(self, is_async: bool = True) -> None:  # noqa: ARG002
        """Build the chain with Django's own method, native classes in the place of Django's."""
        worker_settings()  # One that is wrong is reported now, not by each request.
        let_error_views_be_async()
        with native_middleware():
            super().load_middleware(is_async=True)
        self._sync_chain = sync_chain_for(self, takes_unknown=self._waits)
        self._middleware_chain = improve(self._middleware_chain)
        self._view_middleware = list(map(noting_hook, self._view_middleware))
        hooks = map(noting_hook, self._template_response_middleware)
        self._template_response_middleware = list(hooks)
        self._exception_hooks = ExceptionHooks(self._exception_middleware)
        _warm()

    def adapt_method_mode(self, is_async: bool, method: Any, *args: Any, **kwargs: Any) -> Any:
        """Adapt with Django's own; a sync-only middleware is known to wait, whatever a tool does to it."""
        adapted: Any = super().adapt_method_mode(is_async, method, *args, **kwargs)
        in_thread = behind_sync_to_async(adapted)
        if in_thread is not None and in_thread is method and is_waiting(method):
            self._waits = True
            return call_that_waits(adapt(noting(in_thread)))
        return adapted

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        """Return the response of the whole chain, logged if its status is 400 or higher."""
        if not is_untouched(super().get_response_async, base):
            # Somebody instruments Django's method; it hops to log, and must be the one that runs.
            return await super().get_response_async(request)
        if self._sync_chain is not None and self._sync_chain.takes(request):
            found = await run_for_response(
                request, self._sync_chain.get_response, request, self._needs_no_worker_after()
            )
            if found is not None:
                return found  # type: ignore[no-any-return]
        set_urlconf(setting("ROOT_URLCONF"))
        response: HttpResponseBase = await self._middleware_chain(request)
        response._resource_closers.append(request.close)  # type: ignore[attr-defined]
        if response.status_code >= 400:
            await log_status(request, response)
        return response

    def _needs_no_worker_after(self) -> bool:
        """Whether nothing that comes after middleware and view runs in the request's worker."""
        return False

    def resolve_request(self, request: HttpRequest) -> ResolverMatch:
        """Resolve with Django's own, unless that was done to choose the chain, and nothing has changed since."""
        found: ResolverMatch = take_match(request) or super().resolve_request(request)
        return found

    async def _get_response_async(self, request: HttpRequest) -> Any:
        """Mirror Django's method; exceptions hop only to exception middleware that may block."""
        match = self.resolve_request(request)
        if type(match) is ResolverMatch:  # Quicker than its iterator, which ends with an error.
            callback, args, kwargs = match.func, match.args, match.kwargs
        else:
            callback, args, kwargs = match
        response = None
        for middleware_method in self._view_middleware:
            response = await middleware_method(request, callback, args, kwargs)
            if response:
                break
        if response is None:
            response = await self._call_view(request, callback, args, kwargs)
        self.check_response(response, callback)
        if hasattr(response, "render") and callable(response.render):
            response = await self._render(request, response)
            if asyncio.iscoroutine(response):
                raise RuntimeError("Response is still a coroutine.")
        return response

    async def _call_view(
        self, request: HttpRequest, callback: Callable[..., Any], args: Any, kwargs: Any
    ) -> Any:
        view = self.make_view_atomic(callback)
        try:
            if iscoroutinefunction(view):
                response = await view(request, *args, **kwargs)
                note(request, response)
            else:
                response = await run_for_response(request, view, request, *args, **kwargs)
        except Exception as error:
            response = await self._exception_hooks.run(request, error)
            if response is None:
                raise
        return response

    def make_view_atomic(self, view: Callable[..., Any]) -> Callable[..., Any]:
        """Run an async view in transactions where ``ATOMIC_REQUESTS`` says so, as Django does sync ones."""
        if iscoroutinefunction(view):
            view = make_async_view_atomic(view, _noting)
        atomic: Callable[..., Any] = super().make_view_atomic(view)
        return atomic

    async def _render(self, request: HttpRequest, response: Any) -> Any:
        for middleware_method in self._template_response_middleware:
            response = await middleware_method(request, response)
            self.check_response(
                response,
                middleware_method,
                name=f"{type(middleware_method.__self__).__name__}.process_template_response",
            )
        try:
            if iscoroutinefunction(response.render):
                return await response.render()
            if _renders_inline(response):
                return response.render()
            return await run_for_response(request, response.render)
        except Exception as error:
            rendered = await self._exception_hooks.run(request, error)
            if rendered is None:
                raise
            return rendered


def _noting(view: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``view``, whose response is noted before anything else is awaited, such as a commit."""

    @functools.wraps(view)
    async def noting(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        response = await view(request, *args, **kwargs)
        note(request, response)
        return response

    return noting


def _warm() -> None:
    """Read once, before there are requests, the files that Django reads when it first needs them."""
    errors.warm()
    with contextlib.suppress(Exception):  # A wrong TIME_ZONE is for the code that needs it.
        timezone.get_default_timezone()


def _renders_inline(response: Any) -> bool:
    """Whether rendering, and what is called after it, was declared free of I/O, or is over."""
    if isinstance(response, SimpleTemplateResponse) and response.is_rendered:
        return type(response).render is SimpleTemplateResponse.render  # It does nothing.
    return is_non_blocking(response.render) and all(
        is_non_blocking(callback) for callback in getattr(response, "_post_render_callbacks", ())
    )
