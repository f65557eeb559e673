#!/usr/bin/env python3
"""Run the example site under Django's handler and under django-asynckit's, and compare: `python example/demo.py`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from contextlib import ExitStack, suppress

from demotools.environment import prepare
from demotools.measure import measure
from demotools.site import EXAMPLE, Site, environment
from demotools.steps import DemoError, run, step
from demotools.table import table

OLDEST_PYTHON = (3, 11)
MANAGE_HINT = (
    f"If the example's database is broken, delete {EXAMPLE / 'bookshop.sqlite3'} and try again."
)


def positive(text: str) -> float:
    """A number of requests or seconds."""
    number = float(text)
    if number <= 0:
        raise ValueError
    return number


def arguments() -> argparse.Namespace:
    """What was asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument(
        "--requests",
        type=int,
        default=1000,
        help="requests for each page and site (default: 1000)",
    )
    amount.add_argument(
        "--seconds",
        type=positive,
        help="measure each page and site for so long instead",
    )
    parser.add_argument(
        "--port",
        type=int,
        default=8000,
        help="uses this port and the next one (default: 8000)",
    )
    parser.add_argument(
        "--keep-running",
        action="store_true",
        help="leave the site running until Ctrl-C",
    )
    parser.add_argument(
        "--no-venv",
        action="store_true",
        help="use this Python and what is installed in it",
    )
    return parser.parse_args()


def prepare_site(python: str) -> None:
    """Its tables and its books."""
    for command in ("migrate", "seed"):
        run(
            [python, "manage.py", command, "--verbosity=0"],
            MANAGE_HINT,
            cwd=EXAMPLE,
            env=environment(),
        )


def cores() -> tuple[int | None, set[int]]:
    """A core for the servers, and the others for us; no choice on one core or where the system offers none."""
    available = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return (available[-1], set(available[:-1])) if len(available) > 1 else (None, set())


def compare(python: str, options: argparse.Namespace) -> None:
    """Start both sites, measure, print, stop them."""
    core, others = cores()
    if others:
        os.sched_setaffinity(0, others)
    amount = {"requests": options.requests, "seconds": float("inf")}
    if options.seconds:
        amount = {"requests": float("inf"), "seconds": options.seconds}
    with ExitStack() as running:
        with step("Starting the site twice, stock and ours"):
            ours = Site("ours", "bookshop.asgi", python=python, port=options.port, core=core)
            stock = Site(
                "stock",
                "bookshop.asgi_stock",
                python=python,
                port=options.port + 1,
                core=core,
            )
            running.enter_context(ours)
            running.enter_context(stock)
        with step("Measuring"):
            costs = measure(stock, ours, **amount)
        print(table(costs, ours.ask("versions")))
        if options.keep_running:
            print(
                f"\nours runs at {ours.url}, stock at {stock.url} - Ctrl-C stops them.",
                flush=True,
            )
            threading.Event().wait()


def main() -> int:
    """The whole demo."""
    if sys.version_info < OLDEST_PYTHON:
        raise DemoError("Python 3.11 or newer is needed; this is {}.{}.".format(*sys.version_info))
    options = arguments()
    python = sys.executable if options.no_venv else prepare()
    with step("Preparing the database"):
        prepare_site(python)
    compare(python, options)
    return 0


if __name__ == "__main__":
    for name in ("SIGTERM", "SIGHUP"):
        with suppress(AttributeError):  # Windows has no SIGHUP
            signal.signal(getattr(signal, name), lambda number, _: sys.exit(128 + number))
    try:
        sys.exit(main())
    except DemoError as error:
        sys.exit(f"\n{error}")
    except KeyboardInterrupt:
        print("\nStopped.")
        sys.exit(130)
