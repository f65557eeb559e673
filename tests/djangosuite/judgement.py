"""Tells which failures are ours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tests.djangosuite.allowed import UNREACHED, Allowed


def differences(
    failed: set[str], failed_on_stock: set[str], allowed: Iterable[Allowed]
) -> Iterator[str]:
    """Yield what is wrong: a difference that is not allowed, or an allowed one that is none."""
    reasons = {entry.test: entry.reason for entry in allowed}
    different = failed - failed_on_stock
    for test in sorted(different - reasons.keys()):
        yield f"{test} fails with our classes, and passes with Django's."
    for test in sorted(reasons.keys() - different):
        yield f"{test} is in allowed.py, and does not differ."


def unsteady(failed: set[str], failed_again: set[str]) -> Iterator[str]:
    """Yield the classes of which a test failed among others only: something may have been left behind."""
    for name in sorted(classes_of(failed) - classes_of(failed_again)):
        yield f"A test of {name} failed, and passed when its class ran alone."


def classes_of(tests: set[str]) -> set[str]:
    """Return the labels of the test classes."""
    return {test.rpartition(".")[0] for test in tests}


def unused(uses: set[str]) -> Iterator[str]:
    """Yield what Django's tests did not reach: a native class in async mode, or direct calls at all."""
    in_place = {use.removesuffix(" in place") for use in uses if use.endswith(" in place")}
    for native in sorted(in_place - set(UNREACHED)):
        if not uses & {f"{native} async", f"{native} direct"}:
            yield f"No test of Django's made {native} in async mode."
    if not any(use.endswith(" direct") for use in uses):
        yield "No test of Django's made a middleware that was run as under ASGI."
