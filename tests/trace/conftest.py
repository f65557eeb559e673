"""Fixtures for the tests of the hop recorder."""

from __future__ import annotations

import gc

import pytest


@pytest.fixture(autouse=True)
def no_forgotten_middleware() -> None:
    """A ``HopTraceMiddleware`` of another test keeps the patches while it waits for the collector."""
    gc.collect()
