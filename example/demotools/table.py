"""The result as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from demotools.measure import Cost

WIDTHS = (25, 7, 6, 9, 6, 11, 10, 9)
PAIRS = (25, 13, 15, 21)


def line(cells: tuple[str, ...], widths: tuple[int, ...] = WIDTHS) -> str:
    """The first cell to the left, the others to the right."""
    first, *others = zip(cells, widths, strict=False)
    return first[0].ljust(first[1]) + "".join(cell.rjust(width) for cell, width in others)


def row(name: str, stock: Cost, ours: Cost) -> str:
    """One page."""
    counts = (stock.hops, ours.hops, stock.threads, ours.threads)
    times = (
        f"{stock.cpu_us:,.0f} µs",
        f"{ours.cpu_us:,.0f} µs",
        f"{stock.cpu_us / ours.cpu_us:.1f}x",
    )
    return line((name, *map(str, counts), *times))


def table(costs: dict[str, tuple[Cost, Cost]], versions: dict[str, str]) -> str:
    """Everything, ready to print."""
    rule = "─" * sum(WIDTHS)
    return "\n".join(
        [
            "",
            ", ".join(f"{name} {number}" for name, number in versions.items()),
            "",
            line(("", "hops", "threads", "CPU per request"), PAIRS),
            line(("page", "stock", "ours", "stock", "ours", "stock", "ours", "ratio")),
            rule,
            *(row(name, stock, ours) for name, (stock, ours) in costs.items()),
            rule,
            "hop: a crossing between the event loop and a thread.  threads: started for one request.",
            "stock: django.core.asgi.  ours: django_asynckit.asgi; same settings, same MIDDLEWARE, same views.",
        ]
    )
