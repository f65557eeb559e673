"""Checks the values of our settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured

from django_asynckit.conf import READERS


def check_settings(**_kwargs: Any) -> list[CheckMessage]:
    """E001: a setting of django-asynckit has a value that it cannot have."""
    return [
        Error(
            message,
            hint="Leave it out for its default. A number or a switch that comes from the environment "
            "is a string: convert it.",
            id="asynckit.E001",
        )
        for message in _wrong()
    ]


def _wrong() -> Iterator[str]:
    for read in READERS:
        try:
            read()
        except ImproperlyConfigured as error:
            yield str(error)
