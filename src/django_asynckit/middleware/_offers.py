"""Functions that a middleware puts on itself, for code that knows only Django's sync hooks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

_OFFERED = "_asynckit_offered"


def offer(middleware: object, hook: str, function: Callable[..., Any]) -> None:
    """Set ``function`` as the attribute ``hook``; it is not taken for an override."""
    setattr(function, _OFFERED, True)
    setattr(middleware, hook, function)


def is_offered(function: object) -> bool:
    """Whether ``function`` was set by :func:`offer`."""
    return getattr(function, _OFFERED, False) is True


def refusal(middleware: object, hook: str) -> Callable[..., NoReturn]:
    """Return a function that raises: sync code would pass over a hook that is async only."""
    name = type(middleware).__qualname__

    def refuse(*_args: Any) -> NoReturn:
        raise TypeError(
            f"{name} has only a{hook}(), which sync code cannot call. Give it a {hook}() too, or "
            "list it in MIDDLEWARE instead of using decorator_from_middleware() on an async view."
        )

    return refuse
