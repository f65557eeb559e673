"""Packages that wrap or instrument Django's handler, with ours in its place."""

from __future__ import annotations
