"""The example site under django-asynckit: the import is the only line that differs from startproject's."""

from __future__ import annotations

import os

from django_asynckit.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bookshop.settings")

application = get_asgi_application()
