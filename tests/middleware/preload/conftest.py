"""The site for these tests, with two users and five session engines."""

from __future__ import annotations

import pytest
from django.contrib.auth import (
    get_user_model,
)
from django.contrib.sessions.backends import file
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import override_settings

from tests.middleware import stores
from tests.middleware.preload.site import OLD_KEY, stack


@pytest.fixture(autouse=True)
def _site(in_process_database, tmp_path, monkeypatch):
    monkeypatch.setattr(file.SessionStore, "_storage_path", str(tmp_path), raising=False)
    stores.calls.clear()
    stores.saved.clear()
    bob, _ = get_user_model().objects.get_or_create(username="bob")
    with override_settings(
        ROOT_URLCONF="tests.middleware.preload.site",
        MIDDLEWARE=stack(),
        SECRET_KEY_FALLBACKS=[OLD_KEY],
    ):
        yield
    Session.objects.all().delete()
    bob.delete()
    cache.clear()
