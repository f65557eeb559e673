"""A session engine."""

from __future__ import annotations

from tests.middleware.stores import AsyncStore as SessionStore

__all__ = ["SessionStore"]
