"""The site on Django's handler, for the benchmark."""

from __future__ import annotations

from django.core.asgi import get_asgi_application

application = get_asgi_application()
