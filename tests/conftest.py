"""Fixtures for all tests."""

from __future__ import annotations

import pytest
from blockbuster import blockbuster_ctx


@pytest.fixture(autouse=True)
def blockbuster():
    """Raise ``BlockingError`` where code blocks the event loop."""
    with blockbuster_ctx() as detector:
        for function in detector.functions.values():
            # Tests make handlers inside a running loop; servers do so before they serve.
            function.can_block_in("django/core/handlers/base.py", {"load_middleware"})
            function.can_block_in("django_asynckit/handler/errors.py", {"warm"})
            function.can_block_in("<frozen importlib._bootstrap>", {"_find_and_load"})
        yield detector
