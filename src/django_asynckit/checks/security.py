"""Stands in for Django's security checks where MIDDLEWARE has native classes by path.

Django's checks look for the paths of its own classes. Where they do not find one, they report it as
missing, and leave out what they would have checked behind it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Final

from django.conf import settings
from django.core.checks import CheckMessage, Info, Tags
from django.core.checks.registry import registry

from django_asynckit.dropins import DROPINS

_DJANGOS: Final = {ours: djangos for djangos, ours in DROPINS.items()}
_MODULES: Final = "django.core.checks.security."
#: What Django says where it does not find its own class.
_MISSING: Final = {"security.W001", "security.W002", "security.W003"}


def check_security(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """What Django's security checks say if native classes are taken for Django's own.

    With the same ids, and I009 for those messages that are false alarms. Only for
    ``check --deploy``, as Django's.
    """
    if not _has_native_paths():
        return []
    with _djangos_paths():
        right = _messages(app_configs, **kwargs)
    told = _messages(app_configs, **kwargs)
    missed = [message for message in right if message not in told]
    false = [one for one in told if one.id in _MISSING and one not in right]
    return [*missed, *map(_false_alarm, false)]


def _has_native_paths() -> bool:
    paths: Any = settings.MIDDLEWARE
    return isinstance(paths, list | tuple) and any(
        isinstance(path, str) and path in _DJANGOS for path in paths
    )


@contextlib.contextmanager
def _djangos_paths() -> Iterator[None]:
    """Let ``settings.MIDDLEWARE`` have Django's paths in the place of ours, for a moment."""
    original = settings.MIDDLEWARE
    settings.MIDDLEWARE = [_DJANGOS.get(path, path) for path in original]
    try:
        yield
    finally:
        settings.MIDDLEWARE = original


def _messages(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    return [
        message
        for check in registry.get_checks(include_deployment_checks=True)
        if Tags.security in getattr(check, "tags", ()) and check.__module__.startswith(_MODULES)
        for message in check(app_configs=app_configs, **kwargs)
    ]


def _false_alarm(message: CheckMessage) -> CheckMessage:
    return Info(
        f"{message.id} is a false alarm: MIDDLEWARE has the native class, a subclass of the one "
        "that Django looks for.",
        hint=f"Add {message.id!r} to SILENCED_SYSTEM_CHECKS, or list Django's own class: our "
        "handler puts the native one in its place.",
        obj=message.id,
        id="asynckit.I009",
    )
