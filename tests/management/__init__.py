"""Tests of management/."""

from __future__ import annotations
