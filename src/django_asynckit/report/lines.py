"""An audit as lines of styled text, for terminals and for plain files."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Final

from django_asynckit.audit.findings import Finding
from django_asynckit.audit.measure import Measurement, Side
from django_asynckit.audit.project import Audit
from django_asynckit.audit.stack import Entry
from django_asynckit.audit.views import Views
from django_asynckit.report.kinds import Kind, by_reason, counted, explaining, kinds_of
from django_asynckit.report.paths import in_project
from django_asynckit.report.steps import Cell, Step, ViewKind, kinds_of_view, steps_of

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
#: What the kinds of views are called.
VIEWS: Final[dict[ViewKind, str]] = {"async_view": "an async view", "sync_view": "a sync view"}
_CELL: Final = 18


def lines_of(audit: Audit, width: int) -> Iterator[Line]:
    """Yield the lines of the report, at most ``width`` wide where text can be wrapped."""
    yield from _head(audit)
    for kind in kinds_of(audit.findings):
        yield from _kind(kind, width)
    for view in kinds_of_view(audit.stack):
        yield from _drawing(audit, view, width)
    yield from _totals(audit, width)
    yield from _reasons(audit, width)
    yield from _views(audit)
    if audit.measurement is not None:
        yield from _measurement(audit.measurement)
    yield [(counted(audit.findings), "title" if audit.findings else "good")]


def _head(audit: Audit) -> Iterator[Line]:
    application = audit.application
    yield [("asynccheck", "title"), (": where a request hops between event loop and thread", "")]
    if application.module:
        handler = HANDLERS[application.handler]
        yield [(f"{application.module} uses {handler}.", "dim")]
    yield []


def _drawing(audit: Audit, view: ViewKind, width: int) -> Iterator[Line]:
    steps = steps_of(audit.stack, view)
    title = f"A GET of {VIEWS[view]}  "
    longest = max(len(title), *(len(step.label) + 3 for step in steps))
    label = min(longest, max(24, width - 2 * _CELL))
    yield [
        (title.ljust(label), "title"),
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


def _totals(audit: Audit, width: int) -> Iterator[Line]:
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
    reason, fix = why_one_chain(audit)
    yield from _wrapped(reason, width)
    yield from _wrapped(fix, width, "Fix: ")
    yield []


def why_one_chain(audit: Audit) -> tuple[str, str]:
    """Say why sync views have no chain of their own, and what to do about it if that takes hops out."""
    stack = audit.stack
    if not stack.sync_chain.reason:
        return "", ""
    makes_more = stack.totals()["asynckit"]["sync_view"] > stack.asynckit.total + 1
    return (
        f"Sync views go through the chain of async views. {stack.sync_chain.reason}",
        stack.sync_chain.fix if makes_more else "",
    )


def _reasons(audit: Audit, width: int) -> Iterator[Line]:
    """Explain what hops and is no finding; each reason comes once."""
    entries = [
        entry
        for entry in audit.stack.entries
        if (entry.asynckit.hops or entry.stock.pins_thread)
        and explaining(entry, audit.findings) is None
    ]
    native = sum(bool(entry.native and not entry.asynckit.hops) for entry in audit.stack.entries)
    if native:
        has = "has" if native == 1 else "have"
        yield [(f"{native} of the middleware {has} a native class: no hop of its own.", "")]
    for group in by_reason(audit, entries):
        yield from map(_entry, group)
        yield from _wrapped(group[0].reason, width)
        yield from _wrapped(group[0].fix, width, "Fix: ")
    if native or entries:
        yield []


def _entry(entry: Entry) -> Line:
    hooks = ", ".join(f"{hook} {hops}" for hook, hops in entry.asynckit.hooks.items())
    return [(entry.path, "title"), (f"  {hooks}" if hooks else "", "dim")]


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


def _kind(kind: Kind, width: int) -> Iterator[Line]:
    yield [(f"{kind.level.word.upper()} {kind.id}", kind.level.word), (f"  {kind.page}", "dim")]
    yield from _wrapped(kind.message, width)
    for advice in kind.advice:
        for finding in advice.findings:
            yield from _place(kind, finding, width)
        yield from _wrapped(advice.hint, width, "Fix: ")
    yield []


def _place(kind: Kind, finding: Finding, width: int) -> Iterator[Line]:
    file = in_project(finding.file) or finding.file
    where = f"{file}:{finding.line}" if file else ""
    if not kind.message:
        yield from _wrapped(finding.message, width)
    name = finding.where if kind.names_places else ""
    if name or where:
        yield [(f"    {name}", "title"), (f"{'  ' * bool(name)}{where}", "dim")]


def _wrapped(text: str, width: int, start: str = "") -> Iterator[Line]:
    for line in textwrap.wrap(f"{start}{text}" if text else "", max(40, width - 2)):
        yield [(f"  {line}", "")]
