"""Looks inside views: what is behind decorators, and which decorators ``method_decorator`` put there."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator
from itertools import chain, takewhile
from typing import Any, Final

from django.utils import decorators

from django_asynckit._asgiref import behind_async_to_sync, behind_sync_to_async
from django_asynckit.decorators._methods import decorates_both

#: Nobody wraps a view as often; but an object may say of itself that it wraps something, without end.
_DEEPEST: Final = 50


def layers(view: Any) -> Iterator[Any]:
    """Yield ``view`` and what it wraps, outermost first."""
    for _ in range(_DEEPEST):
        if view is None:
            return
        yield view
        view = _inside(view)


def _inside(view: Any) -> Any:
    if isinstance(view, functools.partial):
        return view.func
    adapted = behind_sync_to_async(view) or behind_async_to_sync(view)
    return adapted or getattr(view, "__wrapped__", None)


def class_of_view(view: Any) -> Any:
    """Return the class whose ``as_view()`` made ``view``, or ``None``."""
    # Those of Django REST framework's ViewSet have the latter only.
    return getattr(view, "view_class", None) or getattr(view, "cls", None)


def around_method(method: Any) -> list[Any]:
    """Return what is around ``method`` and takes it for what it is; ours knows that it may be async."""
    outside = list(takewhile(lambda layer: not decorates_both(layer), layers(method)))
    return [*chain.from_iterable(map(_decorators_in, outside)), *filter(_is_wrapper, outside)]


def _decorators_in(layer: Any) -> list[Any]:
    """Return what ``method_decorator`` put there, innermost first; empty if it did not make ``layer``."""
    if _is_multi(layer):
        return list(inspect.getclosurevars(layer).nonlocals["decorators"])
    return []


def _is_wrapper(layer: Any) -> bool:
    return hasattr(layer, "__wrapped__") and not _is_multi(layer)


def _is_multi(layer: Any) -> bool:
    return getattr(layer, "__code__", None) is _WRAPPER_CODE


def _sample(self: object) -> None:
    """A method, to learn from its wrapper how to tell such wrappers."""


_WRAPPER_CODE = decorators._multi_decorate([], _sample).__code__  # type: ignore[attr-defined]
