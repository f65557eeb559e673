"""The site with compressed answers, kept in files: all that these middleware do may block."""

from __future__ import annotations

import os
import tempfile

from django.utils import text

from tests.servers.settings import *  # noqa: F403
from tests.servers.settings import MIDDLEWARE

MIDDLEWARE = [
    "django.middleware.cache.UpdateCacheMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    *MIDDLEWARE,
    "django.middleware.cache.FetchFromCacheMiddleware",
]
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": tempfile.mkdtemp(dir=os.environ["TESTS_SERVERS_MARKS"]),
    }
}
# The same length in each header, so that answers can be compared byte for byte.
text._get_random_filename = lambda max_random_bytes: b"a" * 7
