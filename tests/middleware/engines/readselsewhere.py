"""A session engine."""

from __future__ import annotations

from tests.middleware.stores import ReadsElsewhere as SessionStore

__all__ = ["SessionStore"]
