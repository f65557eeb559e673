#!/usr/bin/env python3
"""Compare a site like real ones under Django, django-asynckit and gunicorn's threads: `python bench/sites.py`."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compare import positive, say
from harness.measure import Amount
from harness.report import versions
from harness.sites.measure import Run
from harness.sites.only import WORDS, Only
from harness.sites.place import Missing, check_parts, missing_for, site
from harness.sites.plot import draw
from harness.sites.report import NOTES, as_json, as_text

if TYPE_CHECKING:
    from harness.sites.report import Results
    from harness.targets import Target

ROOT = Path(__file__).resolve().parents[1]
#: Above it, other work takes a part of the two cores.
QUIET = 0.5


def arguments() -> argparse.Namespace:
    """What was asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--quick", action="store_true", help="one round of 40 requests: a try")
    parser.add_argument("--rounds", type=positive, default=5, help="default: 5")
    parser.add_argument(
        "--requests", type=positive, default=400, help="for page, server and round (default: 400)"
    )
    parser.add_argument(
        "--connections", type=positive, default=8, help="one request in flight each (default: 8)"
    )
    parser.add_argument(
        "--only", nargs="+", choices=WORDS, default=[], metavar="WORD", help=", ".join(WORDS)
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every number there")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="draw the CPU times there")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.requests = 1, 40
    elif not options.only:
        keep(options)
    return options


def keep(options: argparse.Namespace) -> None:
    """A run of everything is kept."""
    name = "sites-django" + "".join(versions()["Django"].split(".")[:2])
    options.json = options.json or ROOT / "bench" / "results" / f"{name}.json"
    options.svg = options.svg or ROOT / "docs" / "images" / f"{name}.svg"


def warn_if_busy() -> float:
    """Return the load of the machine; other work makes numbers worthless."""
    load = os.getloadavg()[0]
    if load > QUIET:
        print(f"The machine is busy (load {load:.1f}): do not keep these numbers.", file=sys.stderr)
    return load


def there(targets: dict[str, Target]) -> dict[str, Target]:
    """Those that can run; of the others, why not."""
    lacks = {key: missing_for(target) for key, target in targets.items()}
    for key, missing in lacks.items():
        if missing:
            print(f"Skipped {key}: {missing}.", file=sys.stderr)
    return {key: targets[key] for key, missing in lacks.items() if not missing}


def measured(only: Only, amount: Amount) -> dict[str, Results]:
    """The databases that are there, each printed as soon as it is done."""
    found = {}
    for engine in only.engines:
        targets = there(only.targets(engine))
        try:
            with site(engine) as made:
                results = Run(made, targets, only.pages, amount, say).measure()
        except Missing as missing:
            print(f"Skipped {engine}: {missing}.", file=sys.stderr)
            continue
        if results:
            print(as_text(engine, results), flush=True)
            found[engine] = results
    if not found:
        raise SystemExit("Nothing was measured.")
    return found


def main() -> None:
    """Measure, print, keep, draw."""
    options = arguments()
    check_parts(*(["matplotlib"] if options.svg else []))
    load_before = round(warn_if_busy(), 2)
    amount = Amount(options.rounds, options.requests, options.connections)
    found = measured(Only(options.only), amount)
    print("\n" + NOTES)
    kept: dict[str, Any] = {**as_json(found, amount), "load_before": load_before}
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    if options.svg:
        draw(kept, options.svg)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\nStopped.")
