"""Decorators of ``django.views.decorators.http``."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.middleware.http import ConditionalGetMiddleware
from django.views.decorators import http

from django_asynckit._bridge import run_beside, run_in_worker
from django_asynckit._compat import iscoroutinefunction
from django_asynckit._logs import emits_locally
from django_asynckit.decorators._calling import Decorator, V, as_sync, call, is_async
from django_asynckit.decorators._from_middleware import decorator_from_middleware
from django_asynckit.middleware._hooks import is_non_blocking

__all__ = [
    "condition",
    "conditional_page",
    "etag",
    "last_modified",
    "require_GET",
    "require_POST",
    "require_http_methods",
    "require_safe",
]

#: With these Django may answer 412, which it logs.
_PRECONDITIONS: Final = ("HTTP_IF_MATCH", "HTTP_IF_UNMODIFIED_SINCE")
_condition: Any = http.condition
_require_http_methods: Any = http.require_http_methods
_Func = Callable[..., Any] | None

conditional_page: Decorator = decorator_from_middleware(ConditionalGetMiddleware)
conditional_page.__doc__ = """Answer 304 where the client has the response of a view already.

Follows ``django.views.decorators.http.conditional_page``. On an async view, the hash of a body larger
than 128 KiB is made in a thread.
"""


def require_http_methods(request_method_list: Iterable[str]) -> Decorator:
    """Answer 405 to requests with other methods than those in the list, in upper case.

    Follows :func:`django.views.decorators.http.require_http_methods`. On an async view the record
    that a 405 logs leaves the event loop if one of its handlers may do network I/O.
    """
    methods = list(request_method_list)
    djangos = _require_http_methods(methods)

    def decorator(view: V) -> V:
        decorated = djangos(view)
        if not iscoroutinefunction(view):
            return decorated  # type: ignore[no-any-return]
        refuse = djangos(_constant(None))

        @wraps(decorated)
        async def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if request.method in methods or _logs_locally():
                return await decorated(request, *args, **kwargs)
            return await run_beside(refuse, request)

        return wrapper  # type: ignore[return-value]

    return decorator


require_GET: Decorator = require_http_methods(["GET"])
require_GET.__doc__ = "Answer 405 to requests with another method than GET."
require_POST: Decorator = require_http_methods(["POST"])
require_POST.__doc__ = "Answer 405 to requests with another method than POST."
require_safe: Decorator = require_http_methods(["GET", "HEAD"])
require_safe.__doc__ = "Answer 405 to requests with another method than GET or HEAD."


def condition(etag_func: _Func = None, last_modified_func: _Func = None) -> Decorator:
    """Answer 304 or 412 where the ETag or the time of the last change says so.

    Both functions get the arguments of the view, and may be sync or async. ``etag_func`` returns
    an ETag or ``None``, ``last_modified_func`` a ``datetime`` or ``None``. Follows
    :func:`django.views.decorators.http.condition`.

    On an async view, async functions are awaited, sync ones marked with
    :func:`~django_asynckit.middleware.non_blocking` run inline, and others run in the request's
    thread: one hop, for both together. On a sync view async functions are run with
    ``async_to_sync``.
    """

    def decorator(view: V) -> V:
        if not iscoroutinefunction(view):
            functions = (func and as_sync(func) for func in (etag_func, last_modified_func))
            return _condition(*functions)(view)  # type: ignore[no-any-return]

        @wraps(view)
        async def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            etag, modified = await _validators(
                etag_func, last_modified_func, (request, *args), kwargs
            )
            decorate = _condition(_constant(etag), _constant(modified))
            if not _logs_locally() and any(name in request.META for name in _PRECONDITIONS):
                proceed = HttpResponse()
                response = await run_beside(decorate(lambda _request: proceed), request)
                if response is not proceed:
                    return response
            return await decorate(view)(request, *args, **kwargs)

        return wrapper  # type: ignore[return-value]

    return decorator


def etag(etag_func: Callable[..., Any]) -> Decorator:
    """Like :func:`condition`, with an ETag only."""
    return condition(etag_func=etag_func)


def last_modified(last_modified_func: Callable[..., Any]) -> Decorator:
    """Like :func:`condition`, with the time of the last change only."""
    return condition(last_modified_func=last_modified_func)


async def _validators(
    etag_func: _Func, last_modified_func: _Func, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, Any]:
    """Return ETag and time, which Django asks for first."""
    if etag_func and last_modified_func and _hops(etag_func) and _hops(last_modified_func):

        def both() -> tuple[Any, Any]:
            modified = last_modified_func(*args, **kwargs)
            return etag_func(*args, **kwargs), modified

        return await run_in_worker(both)
    modified = await call(last_modified_func, *args, **kwargs) if last_modified_func else None
    etag = await call(etag_func, *args, **kwargs) if etag_func else None
    return etag, modified


def _hops(func: Callable[..., Any]) -> bool:
    return not (is_async(func) or is_non_blocking(func))


def _constant(value: Any) -> Callable[..., Any]:
    return lambda *_args, **_kwargs: value


def _logs_locally() -> bool:
    return emits_locally("django.request", logging.WARNING)
