"""The CPU times as a picture: a row for each database, a column for each kind of view and visitor."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

from harness.sites.pages import PATHS, VIEWS, VISITORS, Page
from harness.targets import SITE_SERVERS

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.patches import Patch

#: One hue for each server; pale for the same server with other connections.
COLOURS = {
    "stock": "#b3541e",
    "stock-pool": "#e3a77f",
    "asynckit": "#0c6e5a",
    "asynckit-new": "#7fc2b2",
    "gunicorn": "#4a5568",
    "gunicorn-new": "#a9b2c0",
}
ENGINE_NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
COLUMNS = list(product(VIEWS, VISITORS))
#: Of the room between two pages, what their bars take.
FILLED = 0.84
LEGEND = {
    "title": "gunicorn's threads run the sync views, beside the async ones too",
    "loc": "outside lower center",
    "ncols": 3,
    "frameon": False,
}
STYLE = {
    "svg.hashsalt": "sites",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def milliseconds(results: dict[str, Any], page: Page, server: str) -> float:
    """The median; that of the sync view where only that runs, and nothing where none does."""
    for measured in (page, page.as_sync):
        if result := results.get(str(measured), {}).get(server):
            return result["median"]["cpu_us"] / 1e3
    return float("nan")


def panel(axes: Axes, results: dict[str, Any], views: str, visitor: str) -> None:
    """Bars for each page; those of one server have one colour."""
    measured = {server for servers in results.values() for server in servers}
    servers = [server for server in SITE_SERVERS if server in measured]
    width = FILLED / len(servers)
    for n, server in enumerate(servers):
        heights = [milliseconds(results, Page(name, views, visitor), server) for name in PATHS]
        places = [page + width * (n - (len(servers) - 1) / 2) for page in range(len(PATHS))]
        axes.bar(places, heights, width, color=COLOURS[server])
    axes.set_xticks(range(len(PATHS)), list(PATHS))
    axes.tick_params(axis="x", length=0)
    axes.set_axisbelow(True)
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)


def legend(engines: dict[str, Any]) -> list[Patch]:
    """Each server that was measured, in the order of the bars."""
    from matplotlib.patches import Patch

    measured = {
        server for results in engines.values() for servers in results.values() for server in servers
    }
    return [
        Patch(color=colour, label=SITE_SERVERS[server][0])
        for server, colour in COLOURS.items()
        if server in measured
    ]


def draw(kept: dict[str, Any], file: Path) -> None:
    """Write the picture as SVG; matplotlib is loaded here, so that it is needed only here."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot

    engines = kept["results"]
    with pyplot.rc_context(STYLE):
        figure, grid = pyplot.subplots(
            len(engines),
            len(COLUMNS),
            figsize=(13, 1 + 2.9 * len(engines)),
            sharey="row",
            squeeze=False,
            layout="constrained",
        )
        for row, (engine, results) in zip(grid, engines.items(), strict=True):
            for axes, (views, visitor) in zip(row, COLUMNS, strict=True):
                panel(axes, results, views, visitor)
                axes.set_title(f"{ENGINE_NAMES[engine]}, {views} views, {visitor}", fontsize=9)
            row[0].set_ylabel("CPU time per request, ms")
        figure.legend(handles=legend(engines), **LEGEND)
        file.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(file, metadata={"Date": None})
        pyplot.close(figure)
