"""System checks, all under one tag."""

from __future__ import annotations

from typing import Final

#: ``manage.py check --tag async`` runs these checks alone.
TAG: Final = "async"
