"""Databases as the settings of the benchmarks have them, by how connections are kept."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

POOL = {"min_size": 4, "max_size": 20}


def max_age(kept: str) -> int | None:
    """Of a connection in seconds: no limit, or a new one for each request."""
    return None if kept == "persistent" else 0


def postgresql(kept: str) -> dict[str, Any]:
    """The one that ``harness.database`` makes; its sessions have the target's name."""
    options: dict[str, Any] = {"application_name": os.environ.get("BENCH_TARGET", "bench")}
    if kept == "pool":
        options["pool"] = POOL
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": os.environ["BENCH_DATABASE_NAME"],
        "USER": os.environ.get("PGUSER", "postgres"),
        "HOST": os.environ.get("PGHOST", "127.0.0.1"),
        "CONN_MAX_AGE": max_age(kept),
        "OPTIONS": options,
    }


def sqlite(kept: str, file: Path) -> dict[str, Any]:
    """A file."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": file,
        "CONN_MAX_AGE": max_age(kept),
        "OPTIONS": {"timeout": 20},
    }
