"""The test site with the views of this folder, and with hosts that are not allowed."""

from __future__ import annotations

from tests.settings import *  # noqa: F403

ROOT_URLCONF = "tests.servers.urls"
ALLOWED_HOSTS = ["example.test"]
LANGUAGES = [("en", "English"), ("de", "German")]
# The admin asks for the site; its host is none that the database knows.
SITE_ID = 1
