"""A module that cannot be imported, and not because it is missing."""

from __future__ import annotations

raise ValueError("broken module")
