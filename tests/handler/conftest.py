"""Fixtures for the tests of the handler."""

from __future__ import annotations

import pytest
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler

from django_asynckit._compat import DJANGO_VERSION


@pytest.fixture(autouse=True)
def closed_bodies(monkeypatch):
    """Close what Django's handler leaves open before 6.1 when an error reaches the server."""
    files = []
    if DJANGO_VERSION < (6, 1):
        original = DjangoASGIHandler.read_body

        async def read_body(self, receive):
            files.append(await original(self, receive))
            return files[-1]

        monkeypatch.setattr(DjangoASGIHandler, "read_body", read_body)
    yield
    for file in files:
        file.close()
