"""Checks the values of our settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured

from django_asynckit.conf import conf

_HINTS: Final = {
    "native_middleware": "Leave it out for the default, True.",
    "non_blocking_middleware": "Leave it out for the default, [].",
}


def check_settings(**_kwargs: Any) -> list[CheckMessage]:
    """E001: a setting of django-asynckit has a value that it cannot have."""
    return list(_wrong_values())


def _wrong_values() -> Iterator[CheckMessage]:
    for name, hint in _HINTS.items():
        try:
            getattr(conf, name)
        except ImproperlyConfigured as error:
            yield Error(str(error), hint=hint, id="asynckit.E001")
