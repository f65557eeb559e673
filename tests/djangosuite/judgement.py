"""Tells which failures are ours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tests.djangosuite.allowed import Allowed


def problems(
    failed: set[str], failed_on_stock: set[str], allowed: Iterable[Allowed]
) -> Iterator[str]:
    """Yield what is wrong: a difference that is not allowed, or an allowed one that is none."""
    reasons = {entry.test: entry.reason for entry in allowed}
    different = failed - failed_on_stock
    for test in sorted(different - reasons.keys()):
        yield f"{test} fails with our classes, and passes with Django's."
    for test in sorted(reasons.keys() - different):
        yield f"{test} is in allowed.py, and does not differ."


def unused(uses: set[str]) -> Iterator[str]:
    """Yield the native classes in place that no test made the way they are made under ASGI."""
    in_place, in_async_mode = set(), set()
    for use in uses:
        name, how = use.split(maxsplit=1)
        if how == "in place":
            in_place.add(name)
        elif how in ("async", "direct"):
            in_async_mode.add(name)
    for native in sorted(in_place - in_async_mode):
        yield f"No test of Django's made {native} in async mode."
