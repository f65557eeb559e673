"""Finds middleware that is declared free of I/O although it is known to do some."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from django_asynckit.audit.findings import Finding, Rule
from django_asynckit.audit.known import KNOWN, Known
from django_asynckit.audit.stack import Entry
from django_asynckit.dropins import dotted_path

BROKEN: Final = Rule(
    id="asynckit.W022",
    hint="Take it out of ASYNCKIT_NON_BLOCKING_MIDDLEWARE.",
)


def in_declared(entries: Iterable[Entry]) -> Iterator[Finding]:
    """Yield what is declared and builds on a middleware that does I/O."""
    for entry in entries:
        known = _known(entry.factory)
        if known is not None and (entry.is_declared or entry.lacks_greenlet):
            message = (
                f"{entry.path} is declared free of I/O, but does some: on the event loop all "
                "requests wait for it, or it raises SynchronousOnlyOperation."
            )
            yield BROKEN.found(entry.place, message, f"{BROKEN.hint} {known.fix}")


def _known(factory: Any) -> Known | None:
    for cls in factory.__mro__ if isinstance(factory, type) else ():
        known = KNOWN.get(dotted_path(cls))
        if known is not None and known.does_io:
            return known
    return None
