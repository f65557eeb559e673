"""Tests of the middleware package."""

from __future__ import annotations
