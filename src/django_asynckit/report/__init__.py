"""Prints an audit: as text, as JSON, for GitHub, as a page."""

from __future__ import annotations
