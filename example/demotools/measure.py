"""Hops, threads and CPU time of each page under each site."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

from demotools.load import send_requests
from demotools.steps import progress

if TYPE_CHECKING:
    from demotools.site import Site

ROUNDS = 5
WARM_UP = 10


@dataclass
class Cost:
    """What one page costs on one site."""

    hops: int
    threads: int
    rounds: list[float] = field(default_factory=list)

    @property
    def cpu_us(self) -> float:
        """Microseconds of CPU time per request, the median of the rounds."""
        return median(self.rounds) * 1e6


@dataclass
class Limit:
    """How much to send in one round."""

    requests: float
    seconds: float


def pages(site: Site) -> dict[str, str]:
    """The pages to measure: their names and paths."""
    book = re.search(rb'href="/books/(\d+)/"', site.get("/books/"))
    if book is None:
        return {"Home": "/"}
    return {
        "Home, no I/O": "/",
        "Reading list, session": "/reading-list/",
        "Book list, 1 query": "/books/",
        "Book, 2 queries": f"/books/{book[1].decode()}/",
        "Catalog, streamed query": "/catalog.csv",
    }


def count(site: Site, path: str) -> Cost:
    """One request that is traced, on a site that is warm."""
    for _ in range(WARM_UP):
        site.get(path)
    counted = site.ask(f"count{path}")
    return Cost(counted["hops"], counted["threads"])


def cpu_per_request(site: Site, path: str, limit: Limit) -> float:
    """The server's CPU seconds for each request of one round."""
    before = site.cpu_seconds()
    sent = send_requests(site.port, path, limit.requests, limit.seconds)
    return (site.cpu_seconds() - before) / sent


def measure(
    stock: Site, ours: Site, *, requests: float, seconds: float
) -> dict[str, tuple[Cost, Cost]]:
    """All pages: first counted, then timed in rounds that alternate between the sites, since machines have moods."""
    paths = pages(ours)
    costs = {name: (count(stock, path), count(ours, path)) for name, path in paths.items()}
    limit = Limit(requests / ROUNDS, seconds / ROUNDS)
    for turn in range(ROUNDS):
        for name, path in paths.items():
            progress(f"Measuring: round {turn + 1} of {ROUNDS}, {name}")
            for site, cost in zip((stock, ours), costs[name], strict=True):
                cost.rounds.append(cpu_per_request(site, path, limit))
    progress("")
    return costs
