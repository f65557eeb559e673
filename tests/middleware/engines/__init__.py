"""Session engines: one module for each store."""

from __future__ import annotations
