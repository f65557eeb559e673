"""The results of the site for people and for programs."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

from harness.measure import cheaper
from harness.report import PACKAGES, circumstances

if TYPE_CHECKING:
    from harness.measure import Amount
    from harness.sites.measure import PageResult
    from harness.sites.pages import Page

    #: Of one database: the results of the pages, by the server's key.
    Results = dict[Page, dict[str, PageResult]]

SITE_PACKAGES = (
    "django-allauth",
    "django-cors-headers",
    "django-csp",
    "django-otp",
    "whitenoise",
)
WIDTH = 40
COLUMNS = {
    "CPU/request": 13,
    "requests/s": 12,
    "p99": 11,
    "hops": 6,
    "threads": 9,
    "sessions": 10,
    "of stock": 10,
    "of gunicorn": 13,
}
NOTES = """\
CPU/request: user and system time of the server process, one core, median of the rounds. p99: of all answers of a round, median of the rounds.
hops: of one warm request. threads, sessions: the most that the server had while it was warmed up; with SQLite, how often its file was open.
of stock, of gunicorn: this line's CPU time as a part of theirs, median of the ratios within each round; gunicorn's is that of the sync view."""


def share(result: PageResult, of: PageResult | None) -> float | None:
    """The CPU time as a part of another's."""
    return None if of is None else round(1 / cheaper(result, of), 3)


def shares(results: Results, page: Page, key: str) -> dict[str, float | None]:
    """Beside Django's handler, and beside gunicorn's threads with the sync view."""
    result = results[page][key]
    return {
        "of_stock": share(result, results[page].get("stock")),
        "of_gunicorn": share(result, results.get(page.as_sync, {}).get("gunicorn")),
    }


def line(name: str, cells: list[str]) -> str:
    """The name to the left, numbers to the right."""
    widths = COLUMNS.values()
    return f"  {name:<{WIDTH}}" + "".join(
        f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True)
    )


def row(results: Results, page: Page, key: str) -> str:
    """One server."""
    result = results[page][key]
    cells = [
        f"{median(result.cpu_us):,.0f} µs",
        f"{median(result.requests_per_second):,.0f}",
        f"{median(result.p99_ms):,.1f} ms",
        str(result.hops),
        str(result.most_threads),
        str(result.most_sessions),
        *("" if part is None else f"{part:.2f}" for part in shares(results, page, key).values()),
    ]
    return line(result.name, cells)


def as_text(engine: str, results: Results) -> str:
    """The tables of one database."""
    lines = ["", engine, line("", list(COLUMNS))]
    for page, servers in results.items():
        queries = next(iter(servers.values())).queries
        lines.append(f"{page} (queries: {queries})")
        lines += [row(results, page, key) for key in servers]
    return "\n".join(lines)


def as_json(found: dict[str, Results], amount: Amount) -> dict[str, Any]:
    """Everything that was measured."""
    return {
        **circumstances(amount, PACKAGES + SITE_PACKAGES),
        "results": {
            engine: {
                str(page): {
                    key: {**result.as_json(), **shares(results, page, key)}
                    for key, result in servers.items()
                }
                for page, servers in results.items()
            }
            for engine, results in found.items()
        },
    }
