"""Runs of neighbouring middleware as one loop over their hooks, with Django's semantics at every layer."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Sequence
from types import FunctionType
from typing import Any, Final

from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from django_asynckit._asgiref import behind_async_to_sync, behind_sync_to_async
from django_asynckit._bridge import to_sync
from django_asynckit._compat import iscoroutinefunction
from django_asynckit.handler.errors import response_for
from django_asynckit.middleware import AsyncMiddlewareMixin
from django_asynckit.middleware._hooks import Mode, awaitable_hook
from django_asynckit.middleware._responses import note, run_for_response
from django_asynckit.types import AsyncGetResponse, GetResponse, SyncGetResponse
from django_asynckit.workers.job import WaitingCall, spends_its_time_waiting


async def _sample(request: HttpRequest) -> HttpResponseBase:
    raise NotImplementedError


def _sync_sample(request: HttpRequest) -> HttpResponseBase:
    raise NotImplementedError


#: What tells Django's wrapper around each middleware from any other function.
_WRAPPER_CODE: Final = convert_exception_to_response(_sample).__code__
# A sync-only middleware spends its time waiting for the view.
spends_its_time_waiting(convert_exception_to_response(_sync_sample).__code__)


def call_that_waits(adapted: Callable[..., Awaitable[Any]]) -> AsyncGetResponse:
    """Return a function that awaits ``adapted``, which does not count against ``ASYNCKIT_WORKERS``."""

    @functools.wraps(adapted)
    async def call(request: HttpRequest) -> Any:
        with WaitingCall():
            return await adapted(request)

    return call


class Layer:
    """One middleware of a fused run."""

    __slots__ = (
        "aprocess_request",
        "aprocess_response",
        "middleware",
        "request_mode",
        "response_mode",
    )

    def __init__(self, middleware: AsyncMiddlewareMixin) -> None:
        self.middleware: Any = middleware
        self.request_mode = middleware._mode("process_request")
        self.response_mode = middleware._mode("process_response")
        self.aprocess_request = _as_awaitable(middleware, "process_request")
        self.aprocess_response = _as_awaitable(middleware, "process_response")


def _as_awaitable(middleware: AsyncMiddlewareMixin, hook: str) -> Callable[..., Awaitable[Any]]:
    if middleware._mode(hook) is Mode.TWIN:
        return awaitable_hook(middleware, hook)
    return lambda *args: run_for_response(args[0], getattr(middleware, hook), *args)


def improve(handler: GetResponse) -> GetResponse:
    """Return ``handler``, a chain made by Django's ``load_middleware()``, with its hops taken out.

    Only the outermost layers are looked at: what is inside another middleware was improved when
    that one was made.
    """
    adapted = behind_async_to_sync(handler)
    if adapted is not None:
        return to_sync(improve(adapted))  # type: ignore[arg-type]
    if type(handler) is not FunctionType or handler.__code__ is not _WRAPPER_CODE:
        return handler
    target = handler.__wrapped__  # type: ignore[attr-defined]
    if not _is_fusable(target):
        return convert_exceptions(target)
    layers, inner = _fused(target.get_response)
    return fuse((Layer(target), *layers), inner)


def noting(handler: SyncGetResponse) -> SyncGetResponse:
    """Return ``handler``, sync-only middleware that runs in a thread; what it returns is noted there."""

    def inner(request: HttpRequest) -> HttpResponseBase:
        response = handler(request)
        note(request, response)
        return response

    spends_its_time_waiting(inner.__code__)
    return inner


def noting_hook(hook: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``hook``, as Django has adapted it; a response that it makes in a thread is noted there."""
    in_thread = behind_sync_to_async(hook)
    if in_thread is None:
        return hook

    async def run(request: HttpRequest, *args: Any) -> Any:
        return await run_for_response(request, in_thread, request, *args)

    # Django names the middleware by its hook's __self__ in errors.
    run.__self__ = getattr(in_thread, "__self__", None)  # type: ignore[attr-defined]
    return run


def _fused(handler: Any) -> tuple[Sequence[Layer], AsyncGetResponse]:
    """Return what ``fuse()`` made ``handler`` of; a wrapper that copied its attributes is no such."""
    made, layers, inner = getattr(handler, "_asynckit_fused", (None, (), handler))
    return (layers, inner) if made is handler else ((), handler)


def convert_exceptions(get_response: AsyncGetResponse) -> AsyncGetResponse:
    """Like Django's ``convert_exception_to_response()``, without a hop where nothing blocks."""

    async def inner(request: HttpRequest) -> HttpResponseBase:
        try:
            return await get_response(request)
        except Exception as error:
            return await response_for(request, error)

    return inner


def fuse(layers: Sequence[Layer], inner: AsyncGetResponse) -> AsyncGetResponse:
    """Return a handler that runs the hooks of ``layers``, outermost first, around ``inner``."""

    async def handler(request: HttpRequest) -> HttpResponseBase:
        depth = 0
        try:
            for depth, layer in enumerate(layers):  # noqa: B007
                mode = layer.request_mode
                if mode is Mode.ABSENT:
                    continue
                if mode is Mode.INLINE:
                    response = layer.middleware.process_request(request)
                else:
                    response = await layer.aprocess_request(request)
                if response:
                    break
            else:
                response = await inner(request)
        except Exception as error:
            response, depth = await _convert(request, error, depth)
            depth -= 1
        return await _respond(layers, depth, request, response)

    handler._asynckit_fused = (handler, layers, inner)  # type: ignore[attr-defined]
    return handler


async def _respond(
    layers: Sequence[Layer], depth: int, request: HttpRequest, response: Any
) -> HttpResponseBase:
    """Run the response hooks from layer ``depth`` outwards."""
    while depth >= 0:
        layer = layers[depth]
        mode = layer.response_mode
        try:
            if mode is Mode.INLINE:
                response = layer.middleware.process_response(request, response)
            elif mode is not Mode.ABSENT:
                response = await layer.aprocess_response(request, response)
        except Exception as error:
            response, depth = await _convert(request, error, depth)
        depth -= 1
    return response  # type: ignore[no-any-return]


async def _convert(
    request: HttpRequest, exception: Exception, depth: int
) -> tuple[HttpResponseBase, int]:
    """Return the response for ``exception`` and the layer that made it.

    With ``DEBUG_PROPAGATE_EXCEPTIONS`` making it raises, so each layer further out tries too.
    """
    try:
        return await response_for(request, exception), depth
    except Exception as error:
        if depth == 0:
            raise
        return await _convert(request, error, depth - 1)


def _is_fusable(target: object) -> bool:
    cls: Any = type(target)
    return (
        isinstance(target, AsyncMiddlewareMixin)
        and target.async_mode
        and iscoroutinefunction(target.get_response)
        and cls.__call__ is AsyncMiddlewareMixin.__call__
        and cls.__acall__ is AsyncMiddlewareMixin.__acall__
        and "__acall__" not in target.__dict__
    )
