"""Checks the values of our settings."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured

from django_asynckit.conf import conf


def check_settings(**_kwargs: Any) -> list[CheckMessage]:
    """E001: a setting of django-asynckit has a value that it cannot have."""
    try:
        _ = conf.native_middleware
    except ImproperlyConfigured as error:
        return [
            Error(
                str(error),
                hint="Leave it out for the default, True.",
                id="asynckit.E001",
            )
        ]
    return []
