"""Lazy objects that cost little to make: most requests never use them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils.functional import SimpleLazyObject, empty


def lazy(func: Callable[[], Any]) -> Any:
    """Return ``SimpleLazyObject(func)``, made without the proxy's own attribute access."""
    made = object.__new__(SimpleLazyObject)
    attributes = object.__getattribute__(made, "__dict__")
    attributes["_setupfunc"] = func
    attributes["_wrapped"] = empty
    return made
