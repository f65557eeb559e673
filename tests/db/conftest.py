"""Each test begins without workers, with a database in a file, and must leave nothing behind."""

from __future__ import annotations

from tests.workers.conftest import database, kept, pool

__all__ = ["database", "kept", "pool"]
