"""The settings of django-asynckit, with their defaults."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

#: The names of all settings.
NAMES: Final = (
    "ASYNCKIT_CARRY_CONNECTION_STATE",
    "ASYNCKIT_NATIVE_MIDDLEWARE",
    "ASYNCKIT_NON_BLOCKING_MIDDLEWARE",
    "ASYNCKIT_SYNC_CHAIN",
    "ASYNCKIT_WORKERS",
    "ASYNCKIT_WORKER_HOLD",
    "ASYNCKIT_WORKER_IDLE_SECONDS",
    "ASYNCKIT_WORKER_REUSE",
    "ASYNCKIT_WORKER_WAIT_SECONDS",
)
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
    def sync_chain(self) -> bool:
        """``ASYNCKIT_SYNC_CHAIN``: let requests to sync views go through a sync chain."""
        value = getattr(settings, "ASYNCKIT_SYNC_CHAIN", True)
        if not isinstance(value, bool):
            raise ImproperlyConfigured(f"ASYNCKIT_SYNC_CHAIN must be True or False, not {value!r}.")
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


@dataclass(frozen=True)
class WorkerSettings:
    """The settings of the workers, checked."""

    #: Most workers with a database connection.
    limit: int
    #: Most short calls at once.
    at_once: int
    #: What an idle lease does with its worker: ``"auto"``, ``"request"`` or ``"call"``.
    hold: str
    #: After how many seconds an idle worker closes its connections and ends.
    idle_seconds: float
    #: After how many seconds a query that waits for a connection fails.
    wait_seconds: float
    #: Whether a worker serves more than one request.
    reuse: bool
    #: What gives an additional connection of a request the state of the first one.
    carry: Callable[[Any, Any], object] | None


HOLD_MODES: Final = ("auto", "request", "call")


@functools.cache
def worker_settings() -> WorkerSettings:
    """Return the settings of the workers; ``ImproperlyConfigured`` names one that cannot be.

    Read once, since each call of a worker needs them, and again after ``setting_changed``.
    """
    return WorkerSettings(
        limit=_limit(),
        at_once=min(32, (os.cpu_count() or 1) + 4, _limit()),
        hold=_hold(),
        idle_seconds=_idle_seconds(),
        wait_seconds=_wait_seconds(),
        reuse=_reuse(),
        carry=_carry(),
    )


def _limit() -> int:
    limit = getattr(settings, "ASYNCKIT_WORKERS", None)
    if limit is None:
        return 40
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
        raise ImproperlyConfigured(
            f"ASYNCKIT_WORKERS must be a whole number of at least 1, not {limit!r}."
        )
    return limit


def _hold() -> str:
    hold = getattr(settings, "ASYNCKIT_WORKER_HOLD", "auto")
    if hold not in HOLD_MODES:
        raise ImproperlyConfigured(
            f'ASYNCKIT_WORKER_HOLD must be "auto", "request" or "call", not {hold!r}.'
        )
    return str(hold)


def _idle_seconds() -> float:
    return _seconds("ASYNCKIT_WORKER_IDLE_SECONDS", 10)


def _wait_seconds() -> float:
    return _seconds("ASYNCKIT_WORKER_WAIT_SECONDS", 30)


def _reuse() -> bool:
    reuse = getattr(settings, "ASYNCKIT_WORKER_REUSE", True)
    if not isinstance(reuse, bool):
        raise ImproperlyConfigured(f"ASYNCKIT_WORKER_REUSE must be True or False, not {reuse!r}.")
    return reuse


def _carry() -> Callable[[Any, Any], object] | None:
    path = getattr(settings, "ASYNCKIT_CARRY_CONNECTION_STATE", None)
    if path is None:
        return None
    expected = "ASYNCKIT_CARRY_CONNECTION_STATE must be the dotted path of a function, not"
    if not isinstance(path, str):
        raise ImproperlyConfigured(f"{expected} {path!r}.")
    try:
        carry = import_string(path)
    except ImportError as error:
        raise ImproperlyConfigured(f"{expected} {path!r}: {error}") from error
    if not callable(carry) or isinstance(carry, type):
        raise ImproperlyConfigured(f"{expected} of {carry!r}.")
    return carry  # type: ignore[no-any-return]


def _seconds(name: str, default: float) -> float:
    seconds = getattr(settings, name, default)
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not (is_number and 0 < seconds <= threading.TIMEOUT_MAX):
        raise ImproperlyConfigured(f"{name} must be a number of seconds above 0, not {seconds!r}.")
    return float(seconds)


def _forget_worker_settings(*, setting: str, **_kwargs: Any) -> None:
    if setting.startswith("ASYNCKIT_"):
        worker_settings.cache_clear()


#: What reads each setting, and raises ``ImproperlyConfigured`` if it has a value that it cannot have.
READERS: Final[dict[str, Callable[[], Any]]] = {
    "ASYNCKIT_NATIVE_MIDDLEWARE": lambda: conf.native_middleware,
    "ASYNCKIT_SYNC_CHAIN": lambda: conf.sync_chain,
    "ASYNCKIT_NON_BLOCKING_MIDDLEWARE": lambda: conf.non_blocking_middleware,
    "ASYNCKIT_WORKERS": _limit,
    "ASYNCKIT_WORKER_HOLD": _hold,
    "ASYNCKIT_WORKER_IDLE_SECONDS": _idle_seconds,
    "ASYNCKIT_WORKER_WAIT_SECONDS": _wait_seconds,
    "ASYNCKIT_WORKER_REUSE": _reuse,
    "ASYNCKIT_CARRY_CONNECTION_STATE": _carry,
}


setting_changed.connect(_forget_worker_settings)
