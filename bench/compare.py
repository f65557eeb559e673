#!/usr/bin/env python3
"""Compare one async view under Django, django-asynckit, WSGI threads and Starlette: `python bench/compare.py`."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path

from harness.measure import Amount, measure
from harness.report import as_json, as_text, ratios
from harness.targets import TARGETS


def positive(text: str) -> int:
    """A number of something."""
    number = int(text)
    if number <= 0:
        raise ValueError
    return number


def arguments(about: str) -> argparse.Namespace:
    """What was asked for on the command line."""
    parser = argparse.ArgumentParser(description=about.partition(":")[0])
    parser.add_argument("--rounds", type=positive, default=5, help="default: 5")
    parser.add_argument(
        "--requests",
        type=positive,
        default=2000,
        help="for each target and round (default: 2000)",
    )
    parser.add_argument(
        "--connections",
        type=positive,
        default=8,
        help="kept alive, one request in flight each (default: 8)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every number there")
    return parser.parse_args()


def say(text: str) -> None:
    """Progress; on standard error, so that the table alone can be redirected."""
    end = "\r\033[K" if sys.stderr.isatty() else ""
    print(f"{end}{text} ...", end="" if end else "\n", file=sys.stderr, flush=True)


def main() -> None:
    """Measure, print, keep."""
    options = arguments(__doc__)
    amount = Amount(options.rounds, options.requests, options.connections)
    results = measure(TARGETS, amount, say)
    print("\n" + as_text(results, amount))
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(
            json.dumps(
                as_json(results, amount, {key: ratios(key, results) for key in results}), indent=2
            )
            + "\n",
            encoding="utf-8",
        )


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\nStopped.")
