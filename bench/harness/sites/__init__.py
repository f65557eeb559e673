"""The parts of the benchmark with a site like real ones."""

from __future__ import annotations
