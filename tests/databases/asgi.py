"""The site on our handler."""

from __future__ import annotations

from django_asynckit.asgi import get_asgi_application

application = get_asgi_application()
