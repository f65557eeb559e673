"""Checks the names and values of our settings."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, Final

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning
from django.core.exceptions import ImproperlyConfigured

from django_asynckit.conf import NAMES, READERS

_PREFIX: Final = "ASYNCKIT_"
#: Settings that are made of strings.
_TEXTS: Final = (
    "ASYNCKIT_CARRY_CONNECTION_STATE",
    "ASYNCKIT_NON_BLOCKING_MIDDLEWARE",
    "ASYNCKIT_WORKER_HOLD",
)


def check_settings(**_kwargs: Any) -> list[CheckMessage]:
    """E001: a setting of django-asynckit has a value that it cannot have. W020: there is none of that name."""
    return [*_wrong(), *map(_misspelt, _unknown())]


def _wrong() -> Iterator[CheckMessage]:
    for name, read in READERS.items():
        try:
            read()
        except ImproperlyConfigured as error:
            yield Error(str(error), hint=_hint(name), id="asynckit.E001")


def _hint(name: str) -> str:
    """Say what to do about the value of ``name``, which it cannot have."""
    hint = "Leave it out for its default."
    if name not in _TEXTS and isinstance(getattr(settings, name), str):
        hint += " A number or a switch that comes from the environment is a string: convert it."
    return hint


def _unknown() -> list[str]:
    return [name for name in dir(settings) if name.startswith(_PREFIX) and name not in NAMES]


def _misspelt(name: str) -> CheckMessage:
    known = [one.removeprefix(_PREFIX) for one in NAMES]
    near = get_close_matches(name.removeprefix(_PREFIX), known, n=1, cutoff=0.5)
    return CheckWarning(
        f"{name} is no setting of django-asynckit: it changes nothing.",
        hint=f"Did you mean {_PREFIX}{near[0]}?" if near else "Take it out.",
        obj=name,
        id="asynckit.W020",
    )
