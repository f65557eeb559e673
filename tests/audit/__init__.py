"""Tests of the audit."""

from __future__ import annotations
