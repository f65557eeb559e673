"""A session engine."""

from __future__ import annotations

from tests.middleware.stores import LoadsHere as SessionStore

__all__ = ["SessionStore"]
