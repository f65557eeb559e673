"""The parts of demo.py."""

from __future__ import annotations
