"""Script prefix and URLconf of a request, set where Django's own functions keep them, for less."""

from __future__ import annotations

from typing import Any, Final

from django.urls import base

from django_asynckit._asgiref import delete_local_value, set_local_value

_PREFIXES: Final[Any] = base._prefixes  # type: ignore[attr-defined]
_URLCONFS: Final[Any] = base._urlconfs  # type: ignore[attr-defined]


def set_script_prefix(prefix: str) -> None:
    """Mirror Django's function of this name."""
    set_local_value(_PREFIXES, "value", prefix if prefix.endswith("/") else f"{prefix}/")


def set_urlconf(urlconf: Any) -> None:
    """Mirror Django's function of this name; ``None`` stands for the default."""
    if urlconf:
        set_local_value(_URLCONFS, "value", urlconf)
    else:
        delete_local_value(_URLCONFS, "value")
