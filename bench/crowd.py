#!/usr/bin/env python3
"""Far more clients at once than PostgreSQL takes connections, under Django and django-asynckit: `python bench/crowd.py`."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.crowd import Outcome, crowd
from harness.database import database, sessions
from harness.report import versions
from harness.server import Server
from harness.targets import DATABASE_TARGETS
from harness.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg
    from harness.targets import Target

#: What is asked for, and by how many at once.
CROWDS = {
    "2,000 clients, one query each": ("/query/", 2000),
    "1,000 requests: a query, 2 seconds, a query": ("/query/twice/", 1000),
    "1,000 requests: 2 seconds without a query": ("/wait/", 1000),
}
#: Under WSGI there is a thread for each client that may wait.
TARGETS = [target for target in DATABASE_TARGETS.values() if not target.is_wsgi]


def outcomes(beside: psycopg.Connection, patience: float) -> Iterator[tuple[str, Target, Outcome]]:
    """Yield what came of each crowd with each target, each time with a new server."""
    for name, (path, clients) in CROWDS.items():
        for target in TARGETS:
            with (
                Server(target, core=None) as server,
                Watch(server, partial(sessions, beside, target.key)) as watch,
            ):
                outcome = crowd(server, path, clients, patience)
            outcome.most_threads = watch.most_threads
            outcome.most_sessions = watch.most_sessions
            yield name, target, outcome


def line(target: Target, outcome: Outcome) -> str:
    """One of the table."""
    return (
        f"  {target.name:<38}{outcome.right:>6}{outcome.wrong:>7}{outcome.unanswered:>12}"
        f"{outcome.seconds:>9.1f}{outcome.most_threads:>9}{outcome.most_sessions:>10}"
    )


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--patience", type=float, default=30, help="seconds (default: 30)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every number there")
    options = parser.parse_args()
    found: dict[str, Any] = {}
    print(
        f"{'':<40}{'right':>6}{'wrong':>7}{'unanswered':>12}{'seconds':>9}{'threads':>9}{'sessions':>10}"
    )
    with database() as beside:
        for name, target, outcome in outcomes(beside, options.patience):
            if name not in found:
                print(name)
            print(line(target, outcome), flush=True)
            found.setdefault(name, {})[target.name] = asdict(outcome)
    if options.json:
        kept = {"versions": versions(), "patience": options.patience, "crowds": found}
        options.json.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
