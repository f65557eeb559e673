"""A session engine."""

from __future__ import annotations

from tests.middleware.stores import SyncSaveOverridden as SessionStore

__all__ = ["SessionStore"]
