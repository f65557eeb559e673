"""Looks inside views: what is behind decorators, and which decorators ``method_decorator`` put there."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator
from typing import Any, Final

from asgiref.sync import AsyncToSync, SyncToAsync
from django.utils import decorators

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
