"""Script prefix, URLconf and language of a request, where Django's own functions keep them, for less."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.urls import base
from django.utils.translation import trans_real

from django_asynckit._asgiref import delete_local_value, local_values, set_local_value

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


def active_translation() -> Any:
    """Return what ``translation.activate()`` has set; ``None`` stands for the default."""
    # Django's test signals put a new Local there.
    return local_values(trans_real._active, ("value",)).get("value")  # type: ignore[attr-defined]


def is_same_language(translation: Any, other: Any) -> bool:
    """Whether two of them are of the language that ``get_language()`` returns."""
    return bool(_language(translation) == _language(other))


def _language(translation: Any) -> Any:
    return settings.LANGUAGE_CODE if translation is None else translation.to_language()
