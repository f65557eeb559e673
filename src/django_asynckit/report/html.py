"""The report as one HTML file that needs nothing else: the request in two lanes, before and after."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.resources import files

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from django_asynckit.audit.findings import Finding
from django_asynckit.audit.measure import Measurement, Side
from django_asynckit.audit.project import Audit
from django_asynckit.audit.stack import Entry
from django_asynckit.report.kinds import (
    Advice,
    Kind,
    by_reason,
    counted,
    explaining,
    kinds_of,
)
from django_asynckit.report.lines import ARROWS, HANDLERS, VIEWS, views_told, why_one_chain
from django_asynckit.report.paths import for_others
from django_asynckit.report.steps import Cell, Step, ViewKind, kinds_of_view, steps_of

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>asynccheck</title>
<style>{}</style>
</head>
<body>
<h1>asynccheck</h1>
{}
</body>
</html>"""

_LEAD = SafeString('<p class="soft">Where a request hops between event loop and thread.</p>')
_DOT = SafeString('<span class="dot"></span>')
_EMPTY = SafeString()


def as_html(audit: Audit) -> str:
    """Return the report as a page. All that comes from the project is escaped."""
    css = files("django_asynckit.report").joinpath("page.css").read_text(encoding="utf-8")
    parts = [_head(audit), _numbers(audit), _findings(audit.findings)]
    parts += [_lanes(audit, view) for view in kinds_of_view(audit.stack)]
    if audit.measurement is not None:
        parts.append(_measurement(audit.measurement))
    parts += [_middleware(audit), _views(audit)]
    return format_html(_PAGE, SafeString(css), _joined(parts))


def _joined(parts: Iterable[SafeString]) -> SafeString:
    return format_html_join("\n", "{}", ((part,) for part in parts))


def _head(audit: Audit) -> SafeString:
    if not audit.application.module:
        return _LEAD
    return format_html(
        '<p class="soft"><code>{}</code> uses {}.</p>',
        audit.application.module,
        HANDLERS[audit.application.handler],
    )


def _numbers(audit: Audit) -> SafeString:
    totals = audit.stack.totals()
    cards = [
        (word, _before_and_after(totals["stock"][kind], totals["asynckit"][kind]))
        for kind, word in VIEWS.items()
    ]
    return format_html(
        '<h2>Hops of a GET</h2><div class="numbers">{}</div>{}',
        format_html_join(
            "",
            '<div class="card"><div>{}</div><b>{}</b><div class="soft">before, with Django, and '
            "after, with django-asynckit</div></div>",
            cards,
        ),
        _one_chain(audit),
    )


def _one_chain(audit: Audit) -> SafeString:
    reason, fix = why_one_chain(audit)
    return format_html("<p>{}</p>{}", reason, _fix(fix)) if reason else _EMPTY


def _lanes(audit: Audit, view: ViewKind) -> SafeString:
    steps = steps_of(audit.stack, view)
    totals = audit.stack.totals()
    before, after = totals["stock"][view], totals["asynckit"][view]
    return format_html(
        '<h2>{}, step by step</h2><div class="pair">{}{}</div>',
        VIEWS[view].capitalize(),
        _table("Before: Django's handler", before, [(step, step.stock) for step in steps]),
        _table("After: django-asynckit", after, [(step, step.asynckit) for step in steps]),
    )


def _table(title: str, total: int, rows: list[tuple[Step, Cell]]) -> SafeString:
    return format_html(
        '<div class="card"><table class="lanes"><caption>{}, {}</caption><thead><tr><th></th>'
        '<th class="lane">loop</th><th class="lane">thread</th></tr></thead><tbody>{}</tbody>'
        "</table></div>",
        title,
        _hops(total),
        _joined(_row(step, cell) for step, cell in rows),
    )


def _row(step: Step, cell: Cell) -> SafeString:
    count = format_html('<span class="count">{}</span>', cell.hops) if cell.hops > 1 else ""
    return format_html(
        '<tr class="{} {}"><th scope="row">{}&nbsp;{}<span class="hidden"> {}</span></th>'
        '<td class="lane loop">{}</td><td class="lane thread">{}{}</td></tr>',
        step.phase,
        _kind_of_hop(cell),
        ARROWS[step.phase],
        # A place for a line break, where a phone needs one.
        step.label.replace(".", ".\u200b"),
        _told(cell),
        _DOT if cell.hops or cell.lane == "loop" else "",
        _DOT if cell.hops or cell.lane == "thread" else "",
        count,
    )


def _kind_of_hop(cell: Cell) -> str:
    """Return the classes of a row; a hollow dot is where the arrow comes from."""
    into = ["into"] if cell.hops > cell.back else []
    return " ".join(["hop", *into, *(["back"] if cell.back else [])]) if cell.hops else ""


def _told(cell: Cell) -> str:
    """Say to who cannot see it what the row draws."""
    ways = {"to a thread": cell.hops - cell.back, "back to the event loop": cell.back}
    told = [f"{_hops(hops)} {way}" for way, hops in ways.items() if hops]
    return ", ".join(told) or f"on the {cell.lane}"


def _hops(number: int) -> str:
    return f"{number} hop{'s' * (number != 1)}"


def _measurement(measurement: Measurement) -> SafeString:
    most = max(measurement.stock.cpu_us, measurement.asynckit.cpu_us)
    sides = (
        ("before", "Django's handler", measurement.stock),
        ("after", "django-asynckit", measurement.asynckit),
    )
    return format_html(
        '<h2>Measured: GET <code>{}</code></h2><div class="card">{}<p>{} times less CPU time.</p>{}'
        "</div>",
        measurement.path,
        _joined(_side(kind, name, side, most) for kind, name, side in sides),
        f"{measurement.ratio:.1f}",
        format_html_join("", '<p class="soft">{}</p>', ((one,) for one in measurement.remarks)),
    )


def _side(kind: str, name: str, side: Side, most: float) -> SafeString:
    return format_html(
        '<p>{}: {} µs of CPU time ± {}, {}, {} threads{}</p><div class="{}"><div class="bar" '
        'style="width: {}%"></div></div>',
        name,
        f"{side.cpu_us:.0f}",
        f"{side.spread:.0%}",
        _hops(side.hops),
        side.threads,
        ". Too noisy to trust." if side.is_noisy else "",
        kind,
        f"{100 * side.cpu_us / most:.1f}",
    )


def _before_and_after(before: int, after: int, unit: Callable[[int], object] = str) -> SafeString:
    """Return both numbers; only what is fewer afterwards is painted as better."""
    return format_html(
        '<span class="{}">{}</span> → <span class="{}">{}</span>',
        "before" if before else "none",
        unit(before),
        "after" if after < before else "before" if after else "none",
        unit(after),
    )


def _middleware(audit: Audit) -> SafeString:
    groups = by_reason(audit, audit.stack.entries)
    return format_html(
        "<h2>Middleware, and why it hops</h2>{}",
        _joined(_group(group, explaining(group[0], audit.findings)) for group in groups),
    )


def _group(entries: list[Entry], finding: Finding | None) -> SafeString:
    """Return a card for what has one reason."""
    if finding is not None:
        reason = format_html('<p>See <a href="#{}">{}</a>.</p>', finding.id, finding.id)
    else:
        fix = entries[0].fix
        reason = format_html("<p>{}</p>{}", entries[0].reason, _fix(fix))
    return format_html('<div class="card entry">{}{}</div>', _joined(map(_entry, entries)), reason)


def _entry(entry: Entry) -> SafeString:
    return format_html(
        '<p><code>{}</code> {} <span class="soft"><code>{}</code></span></p>',
        entry.path,
        _before_and_after(entry.stock.hops, entry.asynckit.hops, _hops),
        _source(entry.place.file, entry.place.line),
    )


def _fix(hint: str) -> SafeString:
    return format_html("<p><b>Fix:</b> {}</p>", hint) if hint else _EMPTY


def _views(audit: Audit) -> SafeString:
    return format_html("<h2>Views</h2><p>{}</p>", views_told(audit.views))


def _findings(findings: list[Finding]) -> SafeString:
    return format_html(
        "<h2>Findings</h2>{}<p>{}</p>", _joined(map(_kind, kinds_of(findings))), counted(findings)
    )


def _kind(kind: Kind) -> SafeString:
    return format_html(
        '<div class="card finding {}" id="{}"><span class="level">{} <a href="{}">{}</a></span>{}{}'
        "</div>",
        kind.level.word,
        kind.id,
        kind.level.word.upper(),
        kind.page,
        kind.id,
        format_html("<p>{}</p>", kind.message) if kind.message else _EMPTY,
        _joined(_advice(kind, advice) for advice in kind.advice),
    )


def _advice(kind: Kind, advice: Advice) -> SafeString:
    places = _joined(filter(None, (_place(kind, one) for one in advice.findings)))
    listed = format_html("<ul>{}</ul>", places) if places else _EMPTY
    return format_html("{}{}", listed, _fix(advice.hint))


def _place(kind: Kind, finding: Finding) -> SafeString:
    name = format_html("<code>{}</code>", finding.where) if kind.names_places else _EMPTY
    source = _source(finding.file, finding.line)
    told = name if kind.message else finding.message
    if not told and not source:
        return _EMPTY
    return format_html('<li>{} <span class="soft"><code>{}</code></span></li>', told, source)


def _source(file: str, line: int) -> str:
    return f"{for_others(file)}:{line}" if file else ""
