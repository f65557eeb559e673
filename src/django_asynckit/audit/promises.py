"""Finds middleware that is declared free of I/O although it is known to do some."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from django_asynckit.audit.findings import Finding, Rule
from django_asynckit.audit.known import known_of
from django_asynckit.audit.stack import Entry

BROKEN: Final = Rule(
    id="asynckit.W022",
    hint="Take it out of ASYNCKIT_NON_BLOCKING_MIDDLEWARE.",
)


def in_declared(entries: Iterable[Entry]) -> Iterator[Finding]:
    """Yield what is declared and builds on a middleware that does I/O."""
    for entry in entries:
        known = known_of(entry.factory)
        if known is not None and known.does_io and (entry.is_declared or entry.lacks_greenlet):
            message = (
                f"{entry.path} is declared free of I/O, but does some: on the event loop all "
                "requests wait for it, or it raises SynchronousOnlyOperation."
            )
            yield BROKEN.found(entry.place, message, f"{BROKEN.hint} {known.fix}")
