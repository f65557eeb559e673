"""Prints an audit: as text, as JSON, for GitHub."""

from __future__ import annotations
