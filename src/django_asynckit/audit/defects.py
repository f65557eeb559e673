"""What is wrong with the code of one middleware, as far as its class or the object itself tells."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Callable, Iterator
from typing import Any, Final

from django_asynckit._compat import MiddlewareMixin, iscoroutinefunction
from django_asynckit.audit.findings import Finding, Place, Rule
from django_asynckit.audit.hooks import bypasses_async, class_of, runs_djangos_hooks
from django_asynckit.audit.sources import definition, helpers, names_in
from django_asynckit.audit.unwrapping import layers

_MIXIN: Final = "django_asynckit.middleware.AsyncMiddlewareMixin"

NOT_CAPABLE: Final = Rule(
    id="asynckit.E004",
    hint="Set sync_capable, async_capable or both to True, for what the class really is.",
)
ASYNC_HOOK: Final = Rule(
    id="asynckit.E006",
    hint=f"Name it aprocess_request or aprocess_response and derive from {_MIXIN}, or write a "
    "plain def.",
)
DEAD_ACALL: Final = Rule(
    id="asynckit.W004",
    hint="Set async_capable = True, mark the object with markcoroutinefunction() in async mode and "
    f"return self.__acall__(request) from __call__; or derive from {_MIXIN}.",
)
NO_COROUTINE: Final = Rule(
    id="asynckit.W005",
    hint="Call markcoroutinefunction(self) in __init__ where get_response is a coroutine function, "
    "and return a coroutine from __call__ there; or take async_capable = True out.",
)
BYPASSES_ASYNC: Final = Rule(
    id="asynckit.W006",
    hint=f"Use the hooks process_request() and process_response() with {_MIXIN}; or override "
    "__acall__ too and return it from __call__ if self.async_mode.",
)
NO_INIT: Final = Rule(
    id="asynckit.W007",
    hint="Call super().__init__(get_response) in __init__.",
)


def defects(factory: Any, subject: Any, place: Place, *, is_made: bool) -> Iterator[Finding]:
    """Yield what is wrong with the middleware that ``factory`` makes.

    ``subject`` is the middleware in async mode if ``is_made``, else what stands in for it.
    """
    can_sync = getattr(factory, "sync_capable", True)
    if not can_sync and not getattr(factory, "async_capable", False):
        yield NOT_CAPABLE.found(
            place, f"{place.where} is neither sync_capable nor async_capable: Django refuses it."
        )
        return
    for rule, applies, message in _CASES:
        if applies(factory, subject if is_made else None):
            yield rule.found(place, f"{place.where} {message}")
            return


def _has_async_hook(factory: Any, _made: Any) -> bool:
    return (
        isinstance(factory, type)
        and runs_djangos_hooks(factory)
        and not _is_ours(factory)
        and any(
            iscoroutinefunction(getattr(factory, hook, None))
            for hook in ("process_request", "process_response")
        )
    )


def _has_dead_acall(factory: Any, _made: Any) -> bool:
    acall = getattr(factory, "__acall__", None)
    return (
        isinstance(factory, type)
        and not getattr(factory, "async_capable", False)
        and iscoroutinefunction(acall)
        and acall is not MiddlewareMixin.__acall__
        and not _is_sync_on_purpose(factory)
    )


def _is_sync_on_purpose(cls: type[Any]) -> bool:
    """Whether a class says that it is sync, and only one further up has the ``__acall__``."""
    nearest = next(one for one in cls.__mro__ if {"async_capable", "__acall__"} & vars(one).keys())
    return "__acall__" not in vars(nearest)


def _lacks_init(factory: Any, made: Any) -> bool:
    if not (isinstance(factory, type) and issubclass(factory, MiddlewareMixin)):
        return False
    if made is not None and isinstance(made, MiddlewareMixin):
        return not hasattr(made, "async_mode")
    init: Any = factory.__init__
    return (
        init is not MiddlewareMixin.__init__
        and definition(init) is not None
        and not {"super", "__init__"} & names_in(init)
    )


def _bypasses_async(factory: Any, _made: Any) -> bool:
    # One that says it is sync is given a sync get_response.
    is_async = getattr(factory, "async_capable", False)
    return isinstance(factory, type) and is_async and bypasses_async(factory)


def _lacks_coroutine(factory: Any, made: Any) -> bool:
    if not getattr(factory, "async_capable", False) or _is_mixin(factory):
        return False
    if made is not None:
        return not iscoroutinefunction(made)
    if isinstance(factory, type):
        return not _marks_itself(factory)  # An async def __call__ alone is none for Django.
    if definition(factory) is None:
        return False
    return not any(map(_makes_coroutine, [factory, *helpers(factory)]))


def _is_mixin(factory: Any) -> bool:
    return isinstance(factory, type) and issubclass(factory, MiddlewareMixin)


def _is_ours(factory: Any) -> bool:
    return any(hasattr(cls, "_offer_async_hooks") for cls in class_of(factory).__mro__)


def _marks_itself(cls: type[Any]) -> bool:
    """Whether some method of ``cls``, or code that cannot be read, may mark the object as async."""
    functions = [
        layer for value in _in_use(cls) for layer in layers(value) if hasattr(layer, "__code__")
    ]
    return any(_may_mark(one) or any(map(_may_mark, helpers(one))) for one in functions)


def _in_use(cls: type[Any]) -> Iterator[Any]:
    """Yield what ``cls`` has and inherits, but not what it overrides and does not call."""
    replaced: set[str] = set()
    for one in cls.__mro__[:-1]:
        for name, value in vars(one).items():
            if name not in replaced:
                yield value
                if definition(value) is not None and not {"super", name} & names_in(value):
                    replaced.add(name)


def _may_mark(function: Any) -> bool:
    if isinstance(function, type):
        return False  # It may mark its own objects.
    return definition(function) is None or bool(_MARKS & names_in(function))


def _makes_coroutine(function: Any) -> bool:
    if isinstance(function, type):
        return _marks_itself(function)
    nodes = ast.walk(definition(function) or ast.Module([], []))
    return _may_mark(function) or any(isinstance(node, ast.AsyncFunctionDef) for node in nodes)


class _MarkedAsOfOld:
    """Marked the way that Python before 3.12 has."""

    _is_coroutine = getattr(asyncio.coroutines, "_is_coroutine", None)


_MARKS: Final = {
    "markcoroutinefunction",
    "_is_coroutine_mark",
    "_is_coroutine_marker",
    # Newer Pythons do not look at it.
    *(["_is_coroutine"] if iscoroutinefunction(_MarkedAsOfOld()) else []),
}
_CASES: Final[tuple[tuple[Rule, Callable[[Any, Any], bool], str], ...]] = (
    (
        ASYNC_HOOK,
        _has_async_hook,
        "has a hook that is async def, which Django's MiddlewareMixin runs as a sync function: "
        "each request fails.",
    ),
    (
        DEAD_ACALL,
        _has_dead_acall,
        "defines __acall__ but not async_capable = True: Django takes it for sync only and never "
        "calls __acall__.",
    ),
    (
        NO_INIT,
        _lacks_init,
        "overrides __init__ and does not call MiddlewareMixin's: it does not know whether it is "
        "in async mode, and each request fails.",
    ),
    (
        BYPASSES_ASYNC,
        _bypasses_async,
        "overrides __call__ of MiddlewareMixin without its async mode: under ASGI get_response() "
        "gives it a coroutine where it expects a response.",
    ),
    (
        NO_COROUTINE,
        _lacks_coroutine,
        "says async_capable = True but is no coroutine function: Django takes its coroutine for a "
        "response, so exceptions are not handled at its layer.",
    ),
)
