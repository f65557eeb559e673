"""A session engine."""

from __future__ import annotations

from tests.middleware.stores import LoadsEmpty as SessionStore

__all__ = ["SessionStore"]
