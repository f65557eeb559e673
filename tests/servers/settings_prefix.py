"""A site whose middleware changes language and URLconf, for state that could leak between requests."""

from __future__ import annotations

from tests.servers.settings import *  # noqa: F403
from tests.servers.settings import MIDDLEWARE

MIDDLEWARE = [
    *MIDDLEWARE[:2],
    "django.middleware.locale.LocaleMiddleware",
    *MIDDLEWARE[2:],
    "tests.servers.urls.urlconf_middleware",
]
