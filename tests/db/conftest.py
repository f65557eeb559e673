"""Each test begins without workers, with a database in a file, and must leave nothing behind."""

from __future__ import annotations

import pytest

from tests.workers.conftest import database, kept, pool

__all__ = ["database", "kept", "pool"]


@pytest.fixture(autouse=True)
def fast_database(request, monkeypatch):
    """Write without waiting for the disk."""
    if "database" in request.fixturenames:
        settings = request.getfixturevalue("database")
        monkeypatch.setitem(settings, "OPTIONS", {"init_command": "PRAGMA synchronous=OFF"})
