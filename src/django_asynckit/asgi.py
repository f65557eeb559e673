"""What a project's ``asgi.py`` imports."""

from __future__ import annotations

import logging

import django
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler

from django_asynckit._drift import HANDLER, is_reviewed

logger = logging.getLogger("django_asynckit")


def get_asgi_application() -> DjangoASGIHandler:
    """Return the ASGI application: in the place of ``django.core.asgi.get_asgi_application()``.

    It handles HTTP and answers lifespan. On a Django whose handler was not reviewed for this
    release of django-asynckit, Django's own handler is returned, and that is logged.
    """
    django.setup(set_prefix=False)
    # Imported here, because middleware needs the app registry.
    from django_asynckit.handler.asgi import ASGIHandler

    if is_reviewed(HANDLER):
        return ASGIHandler()
    logger.warning(
        "Django %s has a request handler that this release of django-asynckit was not reviewed "
        "for, so Django's own is used. Upgrade django-asynckit.",
        django.get_version(),
    )
    return DjangoASGIHandler()
