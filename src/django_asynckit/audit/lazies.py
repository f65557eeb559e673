"""Finds middleware that keeps ``request.user``, or another lazy object, in a ``ContextVar``.

On the way between the event loop and a thread asgiref asks each value of the context for its class,
and so loads it: :mod:`django_asynckit._contexts` says what comes of that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from django_asynckit._contexts import values_are_asked
from django_asynckit.audit.findings import Finding, Place, Rule
from django_asynckit.audit.lazy_values import Kept, kept_by
from django_asynckit.audit.sources import behind_partial
from django_asynckit.audit.stack import Entry

HANGS: Final = Rule(
    id="asynckit.W026",
    hint="Keep the request, and ask it for the user where one is needed. Or keep the user in an "
    "asgiref.local.Local. Or serve the site with django_asynckit.asgi, which loads nothing on the way.",
)
ELSEWHERE: Final = Rule(
    id="asynckit.I018",
    hint="There is nothing to do while django_asynckit.asgi serves the site. Else keep the request, and ask "
    "it for the user where one is needed.",
    is_check=False,
)


def in_context_variables(entries: Iterable[Entry], handler: str = "unknown") -> Iterator[Finding]:
    """Yield what middleware keeps; ``handler`` is that of the application."""
    is_mended = handler == "asynckit" and not values_are_asked()
    seen = set()
    for entry in entries:
        for kept in _kept_by(entry):
            if kept not in seen:
                seen.add(kept)
                yield _found(entry, kept, is_mended=is_mended)


def _kept_by(entry: Entry) -> list[Kept]:
    try:
        return list(kept_by(behind_partial(entry.factory)))
    except Exception:  # A middleware may be any object.
        return []


def _found(entry: Entry, kept: Kept, *, is_mended: bool) -> Finding:
    place: Any = Place(entry.path, kept.file, kept.line)
    message = f"{entry.path} keeps {kept.what}, which is lazy, in a ContextVar."
    if is_mended:
        return ELSEWHERE.found(
            place,
            f"{message} Under our handler it is loaded by who reads it. With Django's own handler "
            "async pages would hang, or fail.",
        )
    return HANGS.found(
        place,
        f"{message} asgiref loads it on the way between a thread and the event loop: there async "
        "pages hang or fail, and pages that read no user load one.",
    )
