"""Tests of the hop recorder."""

from __future__ import annotations
