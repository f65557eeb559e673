"""The test site on our handler."""

from __future__ import annotations

import os

from django_asynckit.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
application = get_asgi_application()
