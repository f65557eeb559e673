"""The same site under Django's own handler, to compare with."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bookshop.settings")
# Django's docs ask for this under ASGI: every request has a new thread there, and a connection belongs to its thread.
os.environ.setdefault("BOOKSHOP_CONN_MAX_AGE", "0")

application = get_asgi_application()
