"""Audits the views of the URLconf."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.views.generic import View

from django_asynckit._compat import iscoroutinefunction
from django_asynckit.audit.findings import Finding, Place, Rule, not_looked_at
from django_asynckit.audit.harmless import is_harmless
from django_asynckit.audit.rest import REST, function_of, has_unawaited_handlers
from django_asynckit.audit.sources import locate
from django_asynckit.audit.unwrapping import around_method, class_of_view, layers
from django_asynckit.audit.urls import Route, routes
from django_asynckit.dropins import dotted_path

BROKEN: Final = Rule(
    id="asynckit.E009",
    hint="Correct the line that raised. `python manage.py check` shows how Django came there. Until then "
    "no request is answered, and no view is counted here.",
    is_check=False,
)
MIXED: Final = Rule(
    id="asynckit.E010",
    hint="Make all handlers of the class async def, or none of them.",
    is_check=False,
)
HIDDEN: Final = Rule(
    id="asynckit.W008",
    hint="Make the decorator async where the view is: test iscoroutinefunction(view), and return "
    "an async def wrapper that awaits it. Those of Django: import them from "
    "django_asynckit.decorators.",
)
DISPATCH: Final = Rule(
    id="asynckit.W009",
    hint="Import method_decorator, and Django's decorators, from django_asynckit.decorators. Or "
    'decorate the async handlers instead of dispatch: @method_decorator(decorator, name="get").',
)
ACCESS: Final = Rule(
    id="asynckit.W010",
    hint="Import it from django_asynckit.decorators.mixins. Or decorate the async handlers, for "
    'example @method_decorator(login_required, name="get").',
)
ATOMIC: Final = Rule(
    id="asynckit.W011",
    hint="Use the handler of django_asynckit.asgi, which runs them in a transaction, or put "
    "@transaction.non_atomic_requests on them.",
)
EXEMPT: Final = Rule(
    id="asynckit.W012",
    hint="Put @csrf_exempt outermost, or let the wrapper copy attributes with functools.wraps().",
)
_NOT_THE_PROJECT: Final = sys.stdlib_module_names | {"django", "django_asynckit"}
#: They leave the user loaded, and await what is below them.
_LOADING: Final = frozenset(
    f"django_asynckit.decorators.mixins.{name}"
    for name in ("LoginRequiredMixin", "PermissionRequiredMixin")
)


@dataclass(frozen=True)
class ViewEntry:
    """A route and its view."""

    pattern: str
    name: str
    place: Place
    #: ``"async"`` or ``"sync"``, as Django's handler sees it.
    mode: str


@dataclass
class Views:
    """All routes."""

    entries: list[ViewEntry] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    #: Whether the URLconf could be loaded.
    is_counted: bool = True

    def count(self, mode: str) -> int:
        return sum(entry.mode == mode for entry in self.entries)


def audit_views(handler: str = "unknown") -> Views:
    """Audit every view of the URLconf; ``handler`` is that of the ASGI application, if it is known."""
    views = Views()
    try:
        found = list(routes())
    except Exception as error:  # The module may raise anything.
        views.findings.append(_broken(error))
        views.is_counted = False
        return views
    known: dict[int, Place] = {}
    for route in found:
        try:
            views.entries.append(_entry(route, known, views.findings))
        except Exception as error:  # A view may be any object.
            views.findings.append(not_looked_at(f"The view of {route.pattern or '/'}", error))
    views.findings += _atomic(found, handler)
    return views


def _entry(route: Route, known: dict[int, Place], findings: list[Finding]) -> ViewEntry:
    key = id(route.view)
    if key not in known:
        known[key] = _place(route.view)
        findings += _findings(route, known[key])
    mode = "async" if iscoroutinefunction(route.view) else "sync"
    return ViewEntry(route.pattern, route.name, known[key], mode)


def _broken(error: Exception) -> Finding:
    where = f"ROOT_URLCONF {getattr(settings, 'ROOT_URLCONF', 'is not set')}"
    place = Place(where, *_raised_in(error))
    message = f"The URLconf cannot be loaded: {type(error).__name__}: {error}"
    is_mixed = isinstance(error, ImproperlyConfigured) and "must either be all" in str(error)
    return (MIXED if is_mixed else BROKEN).found(place, message)


def _raised_in(error: Exception) -> tuple[str, int]:
    """Return file and line of the last code that is not Django's or Python's, if there is such."""
    if isinstance(error, SyntaxError) and error.filename:
        return error.filename, error.lineno or 0
    frames = [
        (frame.f_code.co_filename, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] not in _NOT_THE_PROJECT
    ]
    return frames[-1] if frames else ("", 0)


def _place(view: Any) -> Place:
    cls = class_of_view(view)
    named = function_of(cls) or cls or list(layers(view))[-1]
    if not hasattr(named, "__qualname__"):
        named = type(named)
    return locate(named, f"{named.__module__}.{named.__qualname__}")


def _findings(route: Route, place: Place) -> Iterator[Finding]:
    yield from _hidden(route, place)
    yield from _exempt(route, place)
    cls = class_of_view(route.view)
    if not (isinstance(cls, type) and issubclass(cls, View)):
        return
    if has_unawaited_handlers(route.view, cls):
        yield REST.found(place, f"{place.where} has async handlers, but its dispatch() is sync.")
    if cls.view_is_async:
        yield from _class_based(cls, place)


def _hidden(route: Route, place: Place) -> Iterator[Finding]:
    outer, *inner = layers(route.view)
    if iscoroutinefunction(outer):
        return
    if any(iscoroutinefunction(layer) for layer in inner):
        yield HIDDEN.found(
            place,
            f"{place.where} is async, but Django sees a sync view: a decorator around it is sync. "
            f"It fails, or runs in a thread and an event loop of its own ({route.pattern}).",
        )


def _exempt(route: Route, place: Place) -> Iterator[Finding]:
    outer, *inner = layers(route.view)
    if getattr(outer, "csrf_exempt", False):
        return
    if any(getattr(layer, "csrf_exempt", False) for layer in inner):
        yield EXEMPT.found(
            place,
            f"{place.where} is csrf_exempt, but what is wrapped around it is not: its POST "
            f"requests need a token ({route.pattern}).",
        )


def _class_based(cls: Any, place: Place) -> Iterator[Finding]:
    owner = next(one for one in cls.__mro__ if "dispatch" in vars(one))
    if _has_access_mixin(cls):
        yield ACCESS.found(
            place,
            f"{place.where} has async handlers and a mixin of django.contrib.auth, which reads "
            "request.user in sync code and returns what is not awaitable.",
        )
    names = [
        getattr(decorator, "__name__", type(decorator).__name__)
        for decorator in _around(vars(owner)["dispatch"])
        if not is_harmless(decorator)
    ]
    if names:
        yield DISPATCH.found(
            place,
            f"{place.where} has async handlers, but dispatch() is decorated with "
            f"{', '.join(names)}, which takes it for a sync function.",
        )


def _around(dispatch: Any) -> list[Any]:
    if iscoroutinefunction(dispatch):
        return []
    return around_method(dispatch)


def _has_access_mixin(cls: type[Any]) -> bool:
    """Whether a mixin of Django's asks for a user, or runs a test, in sync code."""
    is_loaded = False
    for one in cls.__mro__:
        is_loaded = is_loaded or dotted_path(one) in _LOADING
        is_djangos = one.__module__ == "django.contrib.auth.mixins" and "dispatch" in vars(one)
        # With a user who is loaded and logged in it has nothing to do; the others may block.
        if is_djangos and not (is_loaded and one.__name__ == "LoginRequiredMixin"):
            return True
    return False


def _atomic(found: list[Route], handler: str) -> Iterator[Finding]:
    """Django refuses async views where a database has ATOMIC_REQUESTS, when they are called."""
    aliases = [alias for alias in connections if connections.settings[alias].get("ATOMIC_REQUESTS")]
    if not aliases or handler == "asynckit":  # Ours runs them in a transaction.
        return
    refused = [route for route in found if _is_refused(route.view, set(aliases))]
    if refused:
        names = ", ".join(route.pattern or "/" for route in refused[:3])
        yield ATOMIC.found(
            _place(refused[0].view),
            f"{len(refused)} async views, with ATOMIC_REQUESTS of database {aliases[0]!r}: each "
            f"request for them raises RuntimeError ({names}).",
        )


def _is_refused(view: Any, aliases: set[str]) -> bool:
    try:
        marked = getattr(view, "_non_atomic_requests", ())
        # As Django asks: asyncify_view() marks its views for all that there may be.
        return iscoroutinefunction(view) and any(alias not in marked for alias in aliases)
    except Exception:
        return False  # It was reported already.
