"""Warns where the code of Django, WhiteNoise or asgiref is a version that we did not review."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import asgiref
import django
from django.conf import settings
from django.core.checks import CheckMessage
from django.core.checks import Warning as CheckWarning
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from django_asynckit._drift import ASGIREF, HANDLER, unreviewed
from django_asynckit._mirrored import MIRRORED
from django_asynckit.conf import conf
from django_asynckit.dropins import DROPINS, dotted_path


def check_drift(**_kwargs: Any) -> list[CheckMessage]:
    """W001: a native class is not used, since the code behind it was not reviewed."""
    try:
        _ = conf.native_middleware
    except ImproperlyConfigured:
        return []  # E001 reports it.
    paths = dict.fromkeys(
        [
            HANDLER,
            *(path for name in settings.MIDDLEWARE for path in _natives(name)),
            # Decorators and mixins that the project has imported.
            *(path for path in MIRRORED if path in sys.modules and path != ASGIREF),
        ]
    )
    return [_warning(path, names) for path in paths if (names := list(unreviewed(path)))]


def check_asgiref(**_kwargs: Any) -> list[CheckMessage]:
    """W023: what we know of asgiref is not used, since the installed one was not reviewed."""
    names = list(unreviewed(ASGIREF))
    if not names:
        return []
    return [
        CheckWarning(
            f"asgiref {asgiref.__version__} has code that this release of django-asynckit was not "
            f"reviewed for ({', '.join(names)}), so it does without what it knows of asgiref.",
            hint="All answers are right, but requests cost more, and each keeps its worker and its "
            "database connections to the end. Upgrade django-asynckit, or install an asgiref "
            "that it was reviewed for.",
            obj="asgiref",
            id="asynckit.W023",
        )
    ]


def _natives(middleware_path: str) -> Iterator[str]:
    """Yield our classes behind an entry of MIDDLEWARE: what stands in for it, or what it builds on."""
    try:
        middleware = import_string(middleware_path)
    except Exception:
        return  # Others report it. A module may raise anything.
    mro = [dotted_path(cls) for cls in getattr(middleware, "__mro__", ())]
    if mro and mro[0] in DROPINS and conf.native_middleware:
        yield DROPINS[mro[0]]
    yield from (name for name in mro if name in MIRRORED)


def _warning(path: str, names: list[str]) -> CheckMessage:
    package, installed = "Django", django.get_version()
    if names[0].startswith("whitenoise."):
        package, installed = "WhiteNoise", version("whitenoise")
    return CheckWarning(
        f"{path} does not stand in for {package}'s own: {package} {installed} has code that "
        f"this release of django-asynckit was not reviewed for ({', '.join(names)}).",
        hint=f"{package}'s own code runs in its place, with its thread hops; where you name the class "
        "yourself, it runs unreviewed. Upgrade django-asynckit.",
        obj=path,
        id="asynckit.W001",
    )
