"""Fixtures for all tests."""

from __future__ import annotations

import pytest
from blockbuster import blockbuster_ctx



@pytest.fixture(autouse=True)
def blockbuster():
    """Raise ``BlockingError`` where code blocks the event loop."""
    with blockbuster_ctx() as detector:
        # Importing a module and reading source for a traceback are part of making a first request.
        for name in ("io.BufferedReader.read", "os.stat", "os.listdir", "os.scandir", "io.TextIOWrapper.read"):
            if name in detector.functions:
                detector.functions[name].can_block_in("<frozen importlib._bootstrap>", "_find_and_load")
        yield detector
