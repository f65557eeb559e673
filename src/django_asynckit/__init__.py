"""Async Django that is async all the way."""

from __future__ import annotations
