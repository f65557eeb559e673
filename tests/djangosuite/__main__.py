"""Runs Django's tests with our classes, and compares what failed with stock Django."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

import django

from tests.djangosuite import folders, judgement
from tests.djangosuite.allowed import ALLOWED
from tests.djangosuite.run import Result, run
from tests.djangosuite.sources import tests_of

VERSION = django.get_version()
SERIES = "{}.{}".format(*django.VERSION)
#: One more than there are processors, because some tests sleep.
PROCESSES = (os.cpu_count() or 1) + 1


def main() -> None:
    options = parse_options()
    if options.pre_release and django.VERSION[3] == "final":
        print(f"Skipped: no pre-release of Django is newer than Django {VERSION}.")
        return
    tests = tests_of(VERSION, options.cache)
    found: list[str] = []
    uses: set[str] = set()
    for mode in [options.mode] if options.mode else folders.LABELS:
        result, problems = judge(tests, mode)
        found += problems
        uses |= result.uses
    if not options.mode:
        found += judgement.unused(uses)
    for problem in found:
        print(problem)
    sys.exit(bool(found))


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m tests.djangosuite")
    parser.add_argument("--cache", type=Path, required=True, help="where to keep Django's tests")
    parser.add_argument(
        "--pre-release", action="store_true", help="skip unless Django is a pre-release"
    )
    parser.add_argument("--mode", choices=folders.LABELS, help="only this one")
    return parser.parse_args()


def judge(tests: Path, mode: str) -> tuple[Result, list[str]]:
    """Run all tests of ``mode``; run those that failed again, on stock Django too; say what is wrong."""
    started = time.monotonic()
    result = run(tests, mode, folders.LABELS[mode], processes=PROCESSES)
    # With several processes, Python 3.12.1 names the wrong tests, though of the right class.
    classes = judgement.classes_of(result.failed)
    failed = run(tests, mode, classes).failed if classes else set()
    stock = run(tests, "stock", failed).failed if failed else set()
    allowed = [entry for entry in ALLOWED if entry.applies(mode, SERIES)]
    problems = [
        *judgement.differences(failed, stock, allowed),
        *judgement.unsteady(result.failed, failed),
    ]
    if result.ran < folders.FEWEST[mode]:
        problems.append(f"Only {result.ran} tests ran in mode {mode}.")
    seconds = time.monotonic() - started
    print(f"Django {VERSION}, {mode}: {result.ran} tests in {seconds:.0f} s.")
    for test in sorted(failed & stock):
        print(f"  fails with Django's classes too: {test}")
    for entry in allowed:
        print(f"  allowed to differ: {entry.test}: {entry.reason}")
    if problems:
        print(result.output)
    sys.stdout.flush()
    return result, problems


if __name__ == "__main__":
    main()
