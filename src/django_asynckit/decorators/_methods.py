"""``method_decorator()``, also for ``dispatch()`` of an async class-based view."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import update_wrapper, wraps
from typing import Any, TypeVar

from django.utils import decorators
from django.views import View

from django_asynckit._compat import iscoroutinefunction
from django_asynckit.decorators._calling import resolved

T = TypeVar("T", bound=Callable[..., Any])

_method_decorator: Any = decorators.method_decorator

#: Methods of Django's ``View`` that are no coroutine functions, and return coroutines in an async view.
_MAY_BE_ASYNC = ("dispatch", "options", "http_method_not_allowed")


def method_decorator(
    decorator: Callable[..., Any] | Sequence[Callable[..., Any]], name: str = ""
) -> Callable[[T], T]:
    """Return a decorator of a method, or of the method ``name`` of a class, from that of a function.

    ``decorator`` may be a list of several, of which the first one is the outermost. Follows
    :func:`django.utils.decorators.method_decorator`, which does the work. Beyond it, ``dispatch()``,
    ``options()`` and ``http_method_not_allowed()`` of a view whose handlers are async are given to
    ``decorator`` as coroutine functions, since they return coroutines there. Whether they are is
    asked at each call, so that a sync and an async view can share a base class.

    Raises ``ValueError`` if the class has no attribute ``name``, and ``TypeError`` if it is not callable.
    """
    djangos = _method_decorator(decorator, name)

    def decorate(obj: T) -> T:
        if isinstance(obj, type):
            method = getattr(obj, name, None) if name else None
            if _may_be_async(method):
                setattr(obj, name, _for_both(decorator, method))
                return obj
        elif _may_be_async(obj):
            return _for_both(decorator, obj)  # type: ignore[return-value]
        return djangos(obj)  # type: ignore[no-any-return]

    update_wrapper(decorate, djangos)
    return decorate


def _may_be_async(method: Any) -> bool:
    return (
        callable(method)
        and getattr(method, "__name__", "") in _MAY_BE_ASYNC
        and not iscoroutinefunction(method)
    )


def _for_both(decorator: Any, method: Any) -> Callable[..., Any]:
    """Return ``method`` decorated, as a coroutine function in async views only."""

    @wraps(method)
    async def amethod(self: Any, *args: Any, **kwargs: Any) -> Any:
        return await resolved(method.__get__(self, type(self))(*args, **kwargs))

    if_sync = _method_decorator(decorator)(method)
    if_async = _method_decorator(decorator)(amethod)

    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        is_async = getattr(type(self), "view_is_async", False)
        return (if_async if is_async else if_sync)(self, *args, **kwargs)

    return update_wrapper(wrapper, if_sync)


def decorates_both(method: Any) -> bool:
    """Whether our ``method_decorator()`` made ``method`` of one that may be async."""
    return getattr(method, "__code__", None) is _BOTH_CODE


def _as_it_is(view: Any) -> Any:
    return view


_BOTH_CODE = _for_both(_as_it_is, View.dispatch).__code__
