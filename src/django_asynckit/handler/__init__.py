"""The request path: Django's ASGI handler without a hop where nothing blocks."""

from __future__ import annotations
