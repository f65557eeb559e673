#!/usr/bin/env python3
"""Compare one ORM query on PostgreSQL under Django, django-asynckit and WSGI threads: `python bench/queries.py`."""

from __future__ import annotations

import json
from statistics import median
from typing import TYPE_CHECKING

from compare import arguments, say
from harness.database import database
from harness.measure import Amount, cheaper, measure
from harness.report import as_json, versions
from harness.targets import DATABASE_TARGETS

if TYPE_CHECKING:
    from harness.measure import Result

#: What is asked of each of ours: how many times cheaper than which.
GOALS = {
    ("query", "query-stock"): 4.0,
    ("query-pool", "query-stock-pool"): 2.8,
    ("query", "query-wsgi"): 1.0,
}


def row(result: Result) -> str:
    """One line."""
    return (
        f"{result.name:<46}{result.hops:>5}{result.threads:>9}"
        f"{median(result.cpu_us):>13,.0f} µs{median(result.requests_per_second):>12,.0f}"
    )


def ratios(results: dict[str, Result]) -> dict[str, float]:
    """Each pair of the goals."""
    return {
        f"{ours} cheaper than {theirs}": round(cheaper(results[ours], results[theirs]), 2)
        for ours, theirs in GOALS
    }


def main() -> None:
    """Measure, print, keep."""
    options = arguments(__doc__)
    amount = Amount(options.rounds, options.requests, options.connections)
    with database():
        results = measure(DATABASE_TARGETS, amount, say)
    print("\n" + ", ".join(f"{name} {number}" for name, number in versions().items()))
    print(f"{'':<46}{'hops':>5}{'threads':>9}{'CPU/request':>16}{'requests/s':>12}")
    for result in results.values():
        print(row(result))
    found = ratios(results)
    for (pair, ratio), goal in zip(found.items(), GOALS.values(), strict=True):
        print(f"{pair}: {ratio:.1f} times (goal: {goal:g})")
    if options.json:
        kept = as_json(results, amount, found)
        options.json.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
