"""The example site: settings, URLs and the two ASGI applications."""

from __future__ import annotations
