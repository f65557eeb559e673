"""The benchmark of a site like real ones, with few requests."""

from __future__ import annotations
