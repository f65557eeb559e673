"""Tests of django-asynckit; the folders mirror ``src``."""

from __future__ import annotations
