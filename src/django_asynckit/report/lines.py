"""An audit as lines of styled text, for terminals and for plain files."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator
from typing import Final

from django_asynckit.audit.findings import Finding, Level
from django_asynckit.audit.measure import Measurement, Side
from django_asynckit.audit.project import Audit
from django_asynckit.audit.stack import Entry
from django_asynckit.audit.views import Views
from django_asynckit.report.steps import Cell, Step, steps_of

#: A piece of text and its style: a name of :data:`STYLES`, or nothing.
Span = tuple[str, str]
Line = list[Span]

STYLES: Final = {
    "title": "bold",
    "loop": "green",
    "thread": "yellow",
    "view": "bold cyan",
    "dim": "dim",
    "error": "bold red",
    "warning": "bold yellow",
    "info": "cyan",
    "good": "bold green",
}
ARROWS: Final = {"down": "↓", "view": "●", "up": "↑"}
HANDLERS: Final = {
    "asynckit": "django-asynckit's handler",
    "stock": "Django's own handler",
    "unknown": "a handler that is not known",
}
_NOUNS: Final = {Level.ERROR: "error", Level.WARNING: "warning", Level.INFO: "note"}
_CELL: Final = 18


def lines_of(audit: Audit, width: int) -> Iterator[Line]:
    """Yield the lines of the report, at most ``width`` wide where text can be wrapped."""
    yield from _head(audit)
    yield from _drawing(audit, width)
    yield from _totals(audit)
    yield from _reasons(audit, width)
    yield from _views(audit)
    if audit.measurement is not None:
        yield from _measurement(audit.measurement)
    yield from _findings(audit.findings, width)


def _head(audit: Audit) -> Iterator[Line]:
    application = audit.application
    yield [("asynccheck", "title"), (": where a request hops between event loop and thread", "")]
    if application.module:
        handler = HANDLERS[application.handler]
        yield [(f"{application.module} uses {handler}.", "dim")]
    yield []


def _drawing(audit: Audit, width: int) -> Iterator[Line]:
    steps = steps_of(audit.stack)
    label = min(max(len(step.label) for step in steps) + 3, max(24, width - 2 * _CELL))
    yield [
        ("A GET of an async view".ljust(label), "title"),
        ("Django's handler".ljust(_CELL), "title"),
        ("django-asynckit", "title"),
    ]
    lanes = "loop     thread"
    yield [("".ljust(label), ""), (lanes.ljust(_CELL), "dim"), (lanes, "dim")]
    for step in steps:
        yield [*_label(step, label), *_cell(step.stock), *_cell(step.asynckit)]
    yield []


def _label(step: Step, width: int) -> Line:
    text = f"{ARROWS[step.phase]} {step.label}"
    if len(text) >= width:
        text = f"{text[: width - 2]}…"
    return [(text.ljust(width), "view" if step.phase == "view" else "")]


def _cell(cell: Cell) -> Line:
    if cell.lane == "loop" and not cell.hops:
        return [("  ●".ljust(_CELL), "loop")]
    if not cell.hops:
        return [("           ●".ljust(_CELL), "thread")]
    return [(f"  {_arrow(cell)} ●  {cell.hops}".ljust(_CELL), "thread")]


def _arrow(cell: Cell) -> str:
    """Return an arrow into the thread, back to the event loop, or both."""
    if not cell.back:
        start = "●" if cell.lane == "loop" else "├"
        return f"{start}──────▶"
    return "◀──────┤" if cell.back == cell.hops else "◀──────▶"


def _totals(audit: Audit) -> Iterator[Line]:
    totals = audit.stack.totals()
    yield [
        ("Hops in total".ljust(26), "title"),
        ("Django".rjust(8), ""),
        ("asynckit".rjust(10), ""),
    ]
    for kind, word in (("async_view", "async view"), ("sync_view", "sync view")):
        stock, asynckit = totals["stock"][kind], totals["asynckit"][kind]
        style = "good" if asynckit < stock else ""
        yield [(f"  {word}".ljust(26), ""), (f"{stock:8}", "thread"), (f"{asynckit:10}", style)]
    yield []


def _reasons(audit: Audit, width: int) -> Iterator[Line]:
    entries = [
        entry for entry in audit.stack.entries if entry.asynckit.hops or entry.stock.pins_thread
    ]
    native = sum(bool(entry.native and not entry.asynckit.hops) for entry in audit.stack.entries)
    if native:
        yield [
            (f"{native} of the middleware are Django's own and have a native class: no hop.", "")
        ]
    for entry in entries:
        yield from _reason(entry, width)
    if native or entries:
        yield []


def _reason(entry: Entry, width: int) -> Iterator[Line]:
    hooks = ", ".join(f"{hook} {hops}" for hook, hops in entry.asynckit.hooks.items())
    yield [(entry.path, "title"), (f"  {hooks}" if hooks else "", "dim")]
    yield from _wrapped(entry.reason, width)
    yield from _wrapped(entry.fix, width, "Fix: ")


def _views(audit: Audit) -> Iterator[Line]:
    yield [("Views", "title"), (f"  {views_told(audit.views)}", "")]
    yield []


def views_told(views: Views) -> str:
    """Return how many views there are, as far as they were counted."""
    if not views.is_counted:
        return "They were not counted: the URLconf cannot be loaded."
    counts = [f"{views.count(mode)} {mode}" for mode in ("async", "sync")]
    return f"{', '.join(counts)}. A sync view runs in a thread: one hop."


def _measurement(measurement: Measurement) -> Iterator[Line]:
    yield [
        (f"Measured: GET {measurement.path}", "title"),
        ("      hops  threads  CPU µs per request", "dim"),
    ]
    yield [(f"  Django    {_side(measurement.stock)}", "thread")]
    yield [(f"  asynckit  {_side(measurement.asynckit)}", "good")]
    yield [
        (f"  {measurement.ratio:.1f} times less CPU time", "good" if measurement.ratio > 1 else "")
    ]
    for remark in measurement.remarks:
        yield [(f"  {remark}", "warning")]
    yield []


def _side(side: Side) -> str:
    noisy = "  too noisy to trust" if side.is_noisy else ""
    return (
        f"{side.hops:4} hops {side.threads:4} threads {side.cpu_us:8.0f} µs "
        f"± {side.spread:.0%}{noisy}"
    )


def _findings(findings: list[Finding], width: int) -> Iterator[Line]:
    if not findings:
        yield [("Nothing was found.", "good")]
        return
    counts = Counter(finding.level for finding in findings)
    words = [f"{count} {_NOUNS[level]}{'s' * (count != 1)}" for level, count in counts.items()]
    yield [(f"Found: {', '.join(words)}", "title")]
    for finding in findings:
        yield []
        yield [
            (f"{finding.level.word.upper()} {finding.id}", finding.level.word),
            (f"  {finding.where}", "title"),
        ]
        yield from _wrapped(finding.message, width)
        yield from _wrapped(finding.hint, width, "Fix: ")
        if finding.file:
            yield [(f"  {finding.file}:{finding.line}", "dim")]


def _wrapped(text: str, width: int, start: str = "") -> Iterator[Line]:
    for line in textwrap.wrap(f"{start}{text}" if text else "", max(40, width - 2)):
        yield [(f"  {line}", "")]
