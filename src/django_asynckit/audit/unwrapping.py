"""Looks inside views: what is behind decorators, and which decorators ``method_decorator`` put there."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

from asgiref.sync import AsyncToSync, SyncToAsync
from django.utils import decorators

View = Callable[..., Any]


def layers(view: Any) -> Iterator[Any]:
    """Yield ``view`` and what it wraps, outermost first."""
    seen: set[int] = set()
    while view is not None and id(view) not in seen:
        seen.add(id(view))
        yield view
        view = _inside(view)


def _inside(view: Any) -> Any:
    if isinstance(view, functools.partial):
        return view.func
    if isinstance(view, SyncToAsync):
        return view.func
    if isinstance(view, AsyncToSync):
        return view.awaitable
    return getattr(view, "__wrapped__", None)


def class_of_view(view: Any) -> Any:
    """Return the class whose ``as_view()`` made ``view``, or ``None``."""
    return getattr(view, "view_class", None)


def method_decorators(method: Any) -> list[Any]:
    """Return what ``method_decorator`` put around ``method``, innermost first; empty if it did not."""
    found = []
    for layer in layers(method):
        if getattr(layer, "__code__", None) is _WRAPPER_CODE:
            found += inspect.getclosurevars(layer).nonlocals["decorators"]
    return found


def wrappers_of(method: Any) -> list[Any]:
    """Return the functions around ``method`` that ``method_decorator`` did not make."""
    return [
        layer
        for layer in layers(method)
        if hasattr(layer, "__wrapped__") and getattr(layer, "__code__", None) is not _WRAPPER_CODE
    ]


def _sample(self: object) -> None:
    """A method, to learn from its wrapper how to tell such wrappers."""


_WRAPPER_CODE = decorators._multi_decorate([], _sample).__code__  # type: ignore[attr-defined]
