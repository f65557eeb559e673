"""Settings for Django's ``runtests.py``: in-memory SQLite, and a test runner that puts our classes in place."""

from __future__ import annotations

import os

DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3"},
    "other": {"ENGINE": "django.db.backends.sqlite3"},
}
# Some of Django's tests know the key and the hasher.
SECRET_KEY = "django_tests_secret_key"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
USE_TZ = False
TEST_RUNNER = "tests.djangosuite.runner.Runner"
# Requests to sync views go through the sync chain, the others as ever.
ASYNCKIT_SYNC_CHAIN = os.environ.get("DJANGOSUITE_MODE") == "sync-chain"
