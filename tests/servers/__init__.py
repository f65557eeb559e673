"""The test site on real servers: what clients see with our handler and with Django's own."""

from __future__ import annotations
