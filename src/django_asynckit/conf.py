"""The settings of django-asynckit, with their defaults."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

#: What ``LazySettings`` has read already; it empties this very dictionary when settings change.
_READ: Final[dict[str, Any]] = settings.__dict__


def setting(name: str) -> Any:
    """Return ``settings.<name>``, for hot paths: several times cheaper than the attribute."""
    try:
        return _READ[name]
    except KeyError:
        return getattr(settings, name)


class Conf:
    """Django's settings with a little logic; nothing is cached, so ``override_settings`` works."""

    @property
    def native_middleware(self) -> bool:
        """``ASYNCKIT_NATIVE_MIDDLEWARE``: put native classes in the place of Django's own."""
        value = getattr(settings, "ASYNCKIT_NATIVE_MIDDLEWARE", True)
        if not isinstance(value, bool):
            raise ImproperlyConfigured(
                f"ASYNCKIT_NATIVE_MIDDLEWARE must be True or False, not {value!r}."
            )
        return value

    @property
    def non_blocking_middleware(self) -> list[str] | tuple[str, ...]:
        """``ASYNCKIT_NON_BLOCKING_MIDDLEWARE``: paths of third-party middleware free of I/O."""
        value = getattr(settings, "ASYNCKIT_NON_BLOCKING_MIDDLEWARE", [])
        if not isinstance(value, list | tuple) or not all(isinstance(path, str) for path in value):
            raise ImproperlyConfigured(
                f"ASYNCKIT_NON_BLOCKING_MIDDLEWARE must be a list of dotted paths, not {value!r}."
            )
        return value


conf = Conf()
