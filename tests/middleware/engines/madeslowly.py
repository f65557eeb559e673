"""A session engine."""

from __future__ import annotations

from tests.middleware.stores import MadeSlowly as SessionStore

__all__ = ["SessionStore"]
