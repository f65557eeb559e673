"""Finds out where a project hops to threads or blocks, why, and what to do about it."""

from __future__ import annotations
