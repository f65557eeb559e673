"""A session engine."""

from __future__ import annotations

from tests.middleware.stores import SignedSubclass as SessionStore

__all__ = ["SessionStore"]
