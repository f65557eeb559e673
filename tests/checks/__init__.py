"""Tests of the system checks."""

from __future__ import annotations
