"""Finds ``handler404`` and its kin that are async: Django calls them as sync functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from django.conf import settings
from django.urls import get_resolver

from django_asynckit._compat import iscoroutinefunction
from django_asynckit.audit.findings import Finding, Rule
from django_asynckit.audit.sources import behind_partial, locate
from django_asynckit.audit.unwrapping import class_of_view

FAILS: Final = Rule(
    id="asynckit.W025",
    hint="Write it as a plain def, or serve the site with django_asynckit.asgi, which awaits it, and "
    "test it with the clients of django_asynckit.test.",
)
ELSEWHERE: Final = Rule(
    id="asynckit.I017",
    hint="Write it as a plain def if the site is served with WSGI too. Test it with the clients of "
    "django_asynckit.test.",
    is_check=False,
)
_STATUSES: Final = (400, 403, 404, 500)


def in_error_views(handler: str = "unknown") -> Iterator[Finding]:
    """Yield the error views of ``ROOT_URLCONF`` that are async; ``handler`` is that of the application."""
    for status in _STATUSES:
        try:
            view = get_resolver().resolve_error_handler(status)
            is_async = _is_async(view)
        except Exception:  # noqa: S112
            continue  # E009 or Django's own check reports it. A module may raise anything.
        if is_async:
            yield _found(f"handler{status}", view, handler)


def _is_async(view: Any) -> bool:
    return iscoroutinefunction(view) or iscoroutinefunction(type(view).__call__)


def _found(name: str, view: Callable[..., Any], handler: str) -> Finding:
    urlconf = getattr(settings, "ROOT_URLCONF", "")
    where = f"{name} of {urlconf}"
    place = locate(class_of_view(view) or behind_partial(view), where)
    if handler == "asynckit":
        message = (
            f"{where} is async. Our handler awaits it. Under WSGI, and with Django's own ASGI "
            "handler and test clients, the answer would be a bare 500."
        )
        return ELSEWHERE.found(place, message)
    message = (
        f"{where} is async, but Django calls it as a sync function, under ASGI too: what should "
        "get that page gets a bare 500."
    )
    return FAILS.found(place, message)
