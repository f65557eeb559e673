"""A site with one model, on the database and with the settings that a test asks for."""

from __future__ import annotations

import json
import os

from tests.settings import SECRET_KEY, TEMPLATES  # noqa: F401

ALLOWED_HOSTS = ["*"]
USE_TZ = True
DEBUG = False
ROOT_URLCONF = "tests.databases.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["tests.databases", "django_asynckit"]
MIDDLEWARE = []
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "loggers": {"django": {"handlers": ["console"], "level": "ERROR", "propagate": False}},
}
DATABASES = {"default": json.loads(os.environ["TESTS_DATABASE"])}
globals().update(json.loads(os.environ.get("TESTS_SETTINGS", "{}")))
