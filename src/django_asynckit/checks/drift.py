"""Warns where Django's own code stays in place because it is a version that we did not review."""

from __future__ import annotations

from typing import Any

import django
from django.conf import settings
from django.core.checks import CheckMessage
from django.core.checks import Warning as CheckWarning

from django_asynckit._drift import unreviewed
from django_asynckit.dropins import DROPINS

_HANDLER = "django_asynckit.handler.asgi.ASGIHandler"


def check_drift(**kwargs: Any) -> list[CheckMessage]:
    """W001: a native class is not used, since Django's code behind it was not reviewed."""
    natives = [DROPINS[path] for path in settings.MIDDLEWARE if path in DROPINS]
    return [
        _warning(path, names)
        for path in (_HANDLER, *natives)
        if (names := list(unreviewed(path)))
    ]


def _warning(path: str, names: list[str]) -> CheckMessage:
    return CheckWarning(
        f"{path} is not used: Django {django.get_version()} has code that this release of "
        f"django-asynckit was not reviewed for ({', '.join(names)}).",
        hint="Django's own code runs in its place, with its thread hops. Upgrade django-asynckit.",
        obj=path,
        id="asynckit.W001",
    )
