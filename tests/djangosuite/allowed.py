"""The tests of Django's that may fail with our classes, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Allowed:
    """A test that differs on purpose, in the given ways of running and versions of Django."""

    test: str
    reason: str
    modes: tuple[str, ...] = ("chain", "direct")
    versions: tuple[str, ...] = ("5.2", "6.0", "6.1", "6.2")


ALLOWED: Final[list[Allowed]] = []
