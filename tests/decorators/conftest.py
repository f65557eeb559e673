"""Fixtures for tests of decorators."""

from __future__ import annotations

import pytest
from django.core.cache.backends import locmem
from django.utils import timezone

from tests.decorators import tools
from tests.middleware import caches


@pytest.fixture(autouse=True)
def fresh_site():
    """Nothing is noted or cached, and the time zone was read from its file."""
    timezone.get_default_timezone()
    tools.calls.clear()
    forget_pages()
    yield
    forget_pages()


def forget_pages():
    """Empty all caches; those in memory where they are, since threads hold on to them."""
    caches.forget()
    for content in (*locmem._caches.values(), *locmem._expire_info.values()):
        content.clear()
