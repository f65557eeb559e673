"""Whether a log record can be emitted on the event loop."""

from __future__ import annotations

import logging
import logging.handlers
from collections.abc import Iterator
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
    return not any(True for _ in not_local(name, level))


def not_local(name: str, level: int) -> Iterator[Any]:
    """Yield the handlers and filters that a record of logger ``name`` meets and that may do network I/O."""
    logger: logging.Logger | None = logging.getLogger(name)
    if logger is None or not logger.isEnabledFor(level):
        return
    yield from _foreign_filters(logger)
    while logger is not None:
        for handler in logger.handlers:
            if level >= handler.level:
                yield from [] if _is_local(handler) else [handler]
                yield from _foreign_filters(handler)
        logger = logger.parent if logger.propagate else None


def _is_local(handler: logging.Handler) -> bool:
    # Django's mail handler does nothing where there is nobody to mail to.
    return type(handler) in LOCAL_HANDLERS or (
        type(handler) is AdminEmailHandler and not settings.ADMINS
    )


def _foreign_filters(filterer: logging.Filterer) -> Iterator[Any]:
    return (item for item in filterer.filters if type(item) not in _LOCAL_FILTERS)
