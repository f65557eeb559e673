"""The results for people and for programs."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from statistics import median
from typing import TYPE_CHECKING, Any

from harness.measure import Amount, Result, cheaper
from harness.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Iterable

PACKAGES = (
    "django-asynckit",
    "Django",
    "asgiref",
    "uvicorn",
    "httptools",
    "uvloop",
    "gunicorn",
    "starlette",
    "psycopg",
    "psycopg-pool",
)
COLUMNS = (
    "hops",
    "threads",
    "CPU/request",
    "requests/s",
    "vs. Django",
    "vs. Starlette",
)
WIDTHS = (6, 9, 13, 12, 12, 15)
NAME_WIDTH = 40
NOTES = """\
CPU/request: user and system time of the server process (time.process_time, all its threads), one core, median of the rounds.
vs. Django: how many times cheaper than Django's handler with the same middleware. vs. Starlette: how many times dearer.
Ratios are medians of the ratios within each round. hops, threads: of one warm request, counted in a separate process."""


def versions(packages: Iterable[str] = PACKAGES) -> dict[str, str]:
    """Of everything that takes part; uvicorn does without httptools and uvloop if it must."""
    found = {
        "Python": platform.python_version(),
        "django-asynckit": "from the checkout",
    }
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def line(name: str, cells: tuple[str, ...]) -> str:
    """The name to the left, numbers to the right."""
    return name.ljust(NAME_WIDTH) + "".join(
        cell.rjust(width) for cell, width in zip(cells, WIDTHS, strict=True)
    )


def ratios(key: str, results: dict[str, Result]) -> dict[str, float]:
    """A target beside Django with the same middleware, and beside Starlette."""
    result, stock = results[key], results[TARGETS[key].stock]
    return {
        "cheaper_than_stock": round(cheaper(result, stock), 2),
        "dearer_than_starlette": round(1 / cheaper(result, results["starlette"]), 2),
    }


def row(key: str, results: dict[str, Result]) -> str:
    """One target."""
    result, compared = results[key], ratios(key, results)
    cells = (
        str(result.hops),
        str(result.threads),
        f"{median(result.cpu_us):,.0f} µs",
        f"{median(result.requests_per_second):,.0f}",
        f"{compared['cheaper_than_stock']:.1f}x",
        f"{compared['dearer_than_starlette']:.1f}x",
    )
    return line(result.name, cells)


def as_text(results: dict[str, Result], amount: Amount) -> str:
    """The table."""
    rule = "─" * (NAME_WIDTH + sum(WIDTHS))
    return "\n".join(
        [
            ", ".join(f"{name} {number}" for name, number in versions().items()),
            f"{amount.rounds} rounds of {amount.requests} requests over {amount.connections} connections",
            "",
            line("", COLUMNS),
            rule,
            *(row(key, results) for key in results),
            rule,
            NOTES,
        ]
    )


def circumstances(amount: Amount, packages: Iterable[str] = PACKAGES) -> dict[str, Any]:
    """When, where, with what and how much was measured."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "system": platform.system(),
            "processor": platform.machine(),
            "cores": os.cpu_count(),
        },
        "versions": versions(packages),
        "rounds": amount.rounds,
        "requests": amount.requests,
        "connections": amount.connections,
    }


def as_json(results: dict[str, Result], amount: Amount, compared: Any) -> dict[str, Any]:
    """Everything that was measured."""
    return {
        **circumstances(amount),
        "results": {key: result.as_json() for key, result in results.items()},
        "ratios": compared,
    }
