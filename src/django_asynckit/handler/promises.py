"""What becomes of a middleware that is declared free of I/O and is not: it leaves the event loop."""

from __future__ import annotations

import logging
from typing import Any, Final

from django.core.exceptions import SynchronousOnlyOperation
from django.core.signals import setting_changed

from django_asynckit._bridge import run_in_pool
from django_asynckit._logs import emits_locally

_SETTING: Final = "ASYNCKIT_NON_BLOCKING_MIDDLEWARE"

logger = logging.getLogger("django_asynckit")


class Promise:
    """The declaration of one middleware, which holds until it is seen to be wrong.

    All handlers of the process share it, those of test clients too.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        #: Whether the middleware runs in threads from now on.
        self.is_broken = False

    async def note(self, error: SynchronousOnlyOperation) -> None:
        """Break the promise, since the middleware's own code raised ``error`` on the event loop."""
        if self.is_broken:
            return
        self.is_broken = True
        if emits_locally(logger.name, logging.ERROR):
            self._log(error)
        else:
            await run_in_pool(self._log, error)

    def _log(self, error: SynchronousOnlyOperation) -> None:
        logger.error(
            "%s is declared free of I/O in %s, but raised SynchronousOnlyOperation on the event "
            "loop. This request failed. From the next one on it runs in a thread, as on stock "
            "Django, until the process ends. Take it out of %s.",
            self.path,
            _SETTING,
            _SETTING,
            exc_info=error,
        )


_promises: Final[dict[str, Promise]] = {}


def promise_of(path: str) -> Promise:
    """Return the one promise about the middleware that ``path`` names."""
    return _promises.setdefault(path, Promise(path))


def _forget(*, setting: str, **_kwargs: Any) -> None:
    if setting == _SETTING:
        _promises.clear()


setting_changed.connect(_forget)
