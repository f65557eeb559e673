"""The test site as instrumentation and Daphne's ``runserver`` see it."""

from __future__ import annotations

import os

from tests.servers.settings import *  # noqa: F403
from tests.servers.settings import INSTALLED_APPS

ROOT_URLCONF = "tests.integrations.urls"
ASYNCKIT_SYNC_CHAIN = os.environ.get("TESTS_SYNC_CHAIN") == "1"
if os.environ.get("TESTS_RUNSERVER"):
    DEBUG = True
    INSTALLED_APPS = ["daphne", *INSTALLED_APPS]
    ASGI_APPLICATION = f"tests.integrations.asgi_channels.{os.environ['TESTS_RUNSERVER']}"
