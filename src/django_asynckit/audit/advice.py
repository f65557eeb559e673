"""Says whether a middleware may be declared free of I/O, as far as that is known."""

from __future__ import annotations

from typing import Any, Final

from django_asynckit.audit.blocking import io_in
from django_asynckit.audit.known import KNOWN, Known
from django_asynckit.audit.sources import short
from django_asynckit.audit.thread_locals import used_by
from django_asynckit.dropins import dotted_path

_OWN: Final = "If it is your own, derive it from django_asynckit.middleware.AsyncMiddlewareMixin."
UNKNOWN: Final = (
    f"{_OWN} If it is a package's: no I/O was seen in its code, but what it calls may do some, so "
    "whether it may be declared free of I/O is not known. To find out, read it for what the docs list "
    "under Declare third-party middleware non-blocking, and try it: manage.py asynccheck --try-declare."
)


def advice_for(factory: Any) -> str:
    """Return what to do about the hops of a middleware; only one that is known is to be declared."""
    if fix := known_fix(factory):
        return fix
    base, known = known_for_io(factory)
    if known is not None:
        return f"It builds on {base}. {known.fix}"
    for seen in io_in(factory):
        return (
            f"Its code {seen.what} ({seen.code}, line {seen.line} of {short(seen.file)}), so do not "
            f"declare it free of I/O. {_OWN} If it is a package's, ask for an async version, or leave it."
        )
    for place in used_by(factory):
        return (
            f"It keeps something per thread (line {place.line} of {short(place.file)}), so do not declare "
            f"it free of I/O: on the event loop all requests would share that. {_OWN}"
        )
    return UNKNOWN


def known_fix(factory: Any) -> str:
    """Return what is known to help against the hops of exactly this middleware; empty if nothing is."""
    known = KNOWN.get(dotted_path(factory)) if isinstance(factory, type) else None
    return known.fix if known is not None else ""


def known_for_io(factory: Any) -> tuple[str, Known | None]:
    """Return the middleware that does I/O and that ``factory`` is or builds on, by name, if it is known."""
    for cls in factory.__mro__ if isinstance(factory, type) else ():
        known = KNOWN.get(dotted_path(cls))
        if known is not None and known.does_io:
            return cls.__name__, known
    return "", None


def is_known_as_safe(factory: Any) -> bool:
    """Whether exactly this middleware was read, and found free of I/O."""
    known = KNOWN.get(dotted_path(factory)) if isinstance(factory, type) else None
    return known is not None and not known.does_io
