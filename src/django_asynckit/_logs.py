"""Whether a log record can be emitted on the event loop."""

from __future__ import annotations

import logging
import logging.handlers
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest
from django.utils.log import (
    AdminEmailHandler,
    RequireDebugFalse,
    RequireDebugTrue,
    log_response,
)

from django_asynckit._bridge import run_beside

#: Handlers that write to a stream, a local file or memory; exactly these classes, no subclasses.
LOCAL_HANDLERS: Final = frozenset(
    {
        logging.NullHandler,
        logging.StreamHandler,
        logging.FileHandler,
        type(logging.lastResort),
        logging.handlers.QueueHandler,
        logging.handlers.RotatingFileHandler,
        logging.handlers.TimedRotatingFileHandler,
        logging.handlers.WatchedFileHandler,
    }
)
_LOCAL_FILTERS: Final = frozenset({logging.Filter, RequireDebugFalse, RequireDebugTrue})


async def log_status(request: HttpRequest, response: Any) -> None:
    """Log a response of status 400 or higher as Django's handler does; hops unless all is local."""
    if getattr(response, "_has_been_logged", False):
        return
    level = logging.ERROR if response.status_code >= 500 else logging.WARNING
    args = ("%s: %s", response.reason_phrase, request.path)
    if emits_locally("django.request", level):
        log_response(*args, response=response, request=request)
    else:
        await run_beside(log_response, *args, response=response, request=request)


def emits_locally(name: str, level: int) -> bool:
    """Whether every handler that a record of logger ``name`` reaches does no network I/O."""
    logger: logging.Logger | None = logging.getLogger(name)
    if logger is None or not logger.isEnabledFor(level):
        return True
    if not _filters_locally(logger):
        return False
    while logger is not None:
        if not all(_handles_locally(handler, level) for handler in logger.handlers):
            return False
        logger = logger.parent if logger.propagate else None
    return True


def _handles_locally(handler: logging.Handler, level: int) -> bool:
    if level < handler.level:
        return True
    # Django's mail handler does nothing where there is nobody to mail to.
    is_local = type(handler) in LOCAL_HANDLERS or (
        type(handler) is AdminEmailHandler and not settings.ADMINS
    )
    return is_local and _filters_locally(handler)


def _filters_locally(filterer: logging.Filterer) -> bool:
    return all(type(item) in _LOCAL_FILTERS for item in filterer.filters)
