"""Looks into views of Django REST framework, without importing it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any, Final

from django_asynckit._compat import iscoroutinefunction
from django_asynckit.audit.findings import Rule
from django_asynckit.audit.unwrapping import layers

REST: Final = Rule(
    id="asynckit.W013",
    hint="Django REST framework does not await handlers. Write them as plain def, or use a package "
    "that makes it async.",
)


def has_unawaited_handlers(view: Any, cls: Any) -> bool:
    """Whether ``view``, made of ``cls``, has async handlers that the framework calls in sync code."""
    *_, dispatch = layers(cls.dispatch)
    if getattr(dispatch, "__module__", "") != "rest_framework.views":
        return False
    return any(map(iscoroutinefunction, [*_handlers(view, cls), function_of(cls)]))


def function_of(cls: Any) -> Any:
    """Return the function of which ``@api_view`` made ``cls``, or ``None``."""
    for name in getattr(cls, "http_method_names", ()):
        handler: Any = getattr(cls, name, None)
        if getattr(handler, "__module__", "") == "rest_framework.decorators":
            return inspect.getclosurevars(handler).nonlocals.get("func")
    return None


def _handlers(view: Any, cls: Any) -> Iterator[Any]:
    """Yield what answers requests: of a ``ViewSet`` the actions of this route."""
    actions = getattr(view, "actions", None)
    for name in actions.values() if isinstance(actions, dict) else cls.http_method_names:
        yield getattr(cls, name, None)
