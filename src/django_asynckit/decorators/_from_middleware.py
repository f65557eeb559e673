"""``decorator_from_middleware()``: the hooks of a middleware around one view."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest
from django.utils import decorators
from django.utils.module_loading import import_string

from django_asynckit._bridge import run_in_worker, to_sync
from django_asynckit._compat import iscoroutinefunction
from django_asynckit._drift import native_path
from django_asynckit.conf import conf
from django_asynckit.decorators._calling import Decorator, V, resolved
from django_asynckit.dropins import dotted_path
from django_asynckit.middleware import non_blocking
from django_asynckit.middleware._hooks import Mode, awaitable_hook, awaitable_twin, resolve

_decorator_from_middleware_with_args: Any = decorators.decorator_from_middleware_with_args


def decorator_from_middleware(middleware_class: Any) -> Decorator:
    """Return a view decorator that runs the hooks of ``middleware_class``, made with no arguments.

    Follows :func:`django.utils.decorators.decorator_from_middleware`, which is what runs on a sync
    view. On an async view each hook runs as under ASGI: its twin is awaited, a hook marked with
    :func:`~django_asynckit.middleware.non_blocking` runs inline, any other makes one hop. One of
    Django's own classes is replaced by its native class.

    As with Django's, only hooks run, no ``__call__`` of the class.
    """
    return decorator_from_middleware_with_args(middleware_class)()


def decorator_from_middleware_with_args(middleware_class: Any) -> Callable[..., Decorator]:
    """Return a function that takes arguments for ``middleware_class`` and returns a view decorator.

    Else like :func:`decorator_from_middleware`.
    """
    return make_decorator(middleware_class, native(middleware_class))


def native(middleware_class: Any) -> Any:
    """Return the class to use on async views: the native one for Django's own, if it was reviewed."""
    path = native_path(middleware_class)
    return import_string(path) if path else middleware_class


def make_decorator(for_sync: Any, for_async: Any) -> Callable[..., Decorator]:
    """Return a maker of decorators with one class for sync views and one for async views."""
    make_djangos = _decorator_from_middleware_with_args(for_sync)

    def make(*args: Any, **kwargs: Any) -> Decorator:
        djangos = make_djangos(*args, **kwargs)

        def decorator(view: V) -> V:
            if not iscoroutinefunction(view):
                return djangos(view)  # type: ignore[no-any-return]
            return _around(view, for_async(view, *args, **kwargs))  # type: ignore[return-value]

        return decorator

    return make


def _around(view: Callable[..., Any], middleware: Any) -> Callable[..., Any]:
    hooks = Hooks(middleware)

    @wraps(view)
    async def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        response = await hooks.run("process_request", request)
        if response is None:
            # A copy, as with Django's: what the hook changes there does not reach the view.
            response = await hooks.run("process_view", request, view, args, {**kwargs})
        if response is not None:
            return response
        try:
            response = await view(request, *args, **kwargs)
        except Exception as error:
            result = await hooks.run("process_exception", request, error)
            if result is not None:
                return result
            raise
        return await hooks.respond(request, response)

    return wrapper


class Hooks:
    """The hooks of a middleware, each run on the event loop or in a thread as its rules say."""

    def __init__(self, middleware: Any) -> None:
        self._middleware = middleware
        self._ways: dict[str, tuple[Mode, Any]] = {}

    def mode(self, hook: str) -> Mode:
        """Return how ``hook`` runs."""
        return self._way(hook)[0]

    def _way(self, hook: str) -> tuple[Mode, Any]:
        """Return how ``hook`` runs, and what to call; looked up at the first call."""
        if hook not in self._ways:
            self._ways[hook] = self._find(hook)
        return self._ways[hook]

    def _find(self, hook: str) -> tuple[Mode, Any]:
        mode = resolve(self._middleware, hook)
        if mode is Mode.ABSENT:
            return mode, None
        if mode is Mode.TWIN:
            return mode, awaitable_hook(self._middleware, hook)
        # Declared ones may block no more than marked ones.
        if dotted_path(type(self._middleware)) in conf.non_blocking_middleware:
            mode = Mode.INLINE
        return mode, getattr(self._middleware, hook)

    async def run(self, hook: str, *args: Any) -> Any:
        """Run ``hook``; return ``None`` if there is none."""
        mode, method = self._way(hook)
        if mode is Mode.ABSENT:
            return None
        if mode is Mode.HOP:
            return await run_in_worker(method, *args)
        # What our mixin offers to Django's handlers for a marked hook is async.
        return await resolved(method(*args))

    async def respond(self, request: HttpRequest, response: Any) -> Any:
        """Return what the hooks for responses make of ``response``.

        One that is to be rendered is processed when that has happened, as with Django's decorator.
        """
        if not (hasattr(response, "render") and callable(response.render)):
            if self.mode("process_response") is Mode.ABSENT:
                return response
            return await self.run("process_response", request, response)
        if self.mode("process_template_response") is not Mode.ABSENT:
            response = await self.run("process_template_response", request, response)
        if self.mode("process_response") is Mode.ABSENT:
            return response
        if getattr(response, "is_rendered", False):
            # Django calls the hook at once then, and what it returns is lost.
            await self.run("process_response", request, response)
        else:
            response.add_post_render_callback(self._callback(request))
        return response

    def _callback(self, request: HttpRequest) -> Callable[[Any], Any]:
        """Return what is called in the thread where the response is rendered."""
        method = self._sync_method("process_response")

        def callback(response: Any) -> Any:
            return method(request, response)

        return non_blocking(callback) if self.mode("process_response") is Mode.INLINE else callback

    def _sync_method(self, hook: str) -> Callable[..., Any]:
        """Return what to call for ``hook`` where no event loop runs."""
        method: Any = getattr(self._middleware, hook, None)
        twin = awaitable_twin(self._middleware, hook)
        needs_event_loop = getattr(self._middleware, "needs_event_loop", bool)
        if twin is not None and (not _is_ours(twin) or needs_event_loop()):
            return to_sync(twin)
        return to_sync(method) if iscoroutinefunction(method) else method


def _is_ours(twin: Any) -> bool:
    """Whether ``twin`` is that of a native class, which does what the sync hook does."""
    return str(twin.__module__).startswith("django_asynckit.")
