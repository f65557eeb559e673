"""Finds middleware that is declared free of I/O although it does some, as is known or as its code shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from django_asynckit.audit.advice import is_known_as_safe, known_for_io
from django_asynckit.audit.blocking import io_in
from django_asynckit.audit.findings import Finding, Place, Rule
from django_asynckit.audit.io_names import SESSION, USER
from django_asynckit.audit.order import is_preload
from django_asynckit.audit.stack import Entry

BROKEN: Final = Rule(
    id="asynckit.W022",
    hint="Take it out of ASYNCKIT_NON_BLOCKING_MIDDLEWARE.",
)
_WHAT_COMES: Final = (
    "on the event loop all requests wait for it, or it raises SynchronousOnlyOperation."
)


def in_declared(entries: Sequence[Entry]) -> Iterator[Finding]:
    """Yield what is declared and does I/O, or builds on a middleware that does."""
    is_preloaded = False
    for entry in entries:
        if entry.is_declared or entry.lacks_greenlet:
            yield from _found(entry, is_preloaded=is_preloaded)
        is_preloaded = is_preloaded or is_preload(entry.factory)


def _found(entry: Entry, *, is_preloaded: bool) -> Iterator[Finding]:
    _, known = known_for_io(entry.factory)
    if known is not None:
        message = f"{entry.path} is declared free of I/O, but does some: {_WHAT_COMES}"
        yield BROKEN.found(entry.place, message, f"{BROKEN.hint} {known.fix}")
        return
    if is_known_as_safe(entry.factory):
        return
    for seen in io_in(entry.factory):
        if is_preloaded and seen.what in (USER, SESSION):
            continue
        yield BROKEN.found(
            Place(entry.path, seen.file, seen.line),
            f"{entry.path} is declared free of I/O, but its code {seen.what} ({seen.code}): "
            f"{_WHAT_COMES}",
        )
        return  # The first is enough to take it out.
