"""Where in a class hierarchy a method is defined: what is nearer overrides what is further away."""

from __future__ import annotations

from types import FunctionType, ModuleType
from typing import Any


def position(cls: type[Any], *names: str) -> int:
    """Return how near the nearest of ``names`` is defined: 0 is ``cls`` itself.

    What is defined nowhere is as far away as ``object``.
    """
    mro = cls.__mro__
    found = (i for i, one in enumerate(mro) if any(name in one.__dict__ for name in names))
    return next(found, len(mro) - 1)


def has_own_twin(cls: type[Any], name: str) -> bool:
    """Whether the async twin of ``name`` is not Django's, and at least as near as ``name``."""
    twin = position(cls, f"a{name}", f"_a{name.lstrip('_')}")
    owner = cls.__mro__[twin]
    is_own = owner is not object and not owner.__module__.startswith("django.")
    return is_own and twin <= position(cls, name)


def is_untouched(method: Any, module: ModuleType) -> bool:
    """Whether the bound ``method`` is a function of Django's ``module``, not one in its place.

    Ask it of ``super()``: in a class of the user's, another may come between ours and Django's.
    """
    function = getattr(method, "__func__", None)
    return type(function) is FunctionType and function.__globals__ is module.__dict__
