"""Responses for exceptions: made inline where Django would only look at memory, else in one hop."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.core.handlers import exception as handlers_exception
from django.core.signals import got_request_exception
from django.http import Http404, HttpRequest
from django.http.multipartparser import MultiPartParserError
from django.http.response import HttpResponseBase
from django.template import TemplateDoesNotExist, engines
from django.template import loader as template_loader
from django.template.backends.django import DjangoTemplates
from django.template.loaders import cached
from django.urls import get_resolver, get_urlconf
from django.views import defaults

from django_asynckit._logs import emits_locally
from django_asynckit.exceptions import WorkerTimeout
from django_asynckit.middleware._responses import note, run_for_response
from django_asynckit.middleware.csrf import needs_check
from django_asynckit.workers.context import run_although_busy

#: Django's error views with the template that each looks for first.
_VIEWS: Final[dict[int, tuple[Callable[..., Any], str]]] = {
    400: (defaults.bad_request, defaults.ERROR_400_TEMPLATE_NAME),
    403: (defaults.permission_denied, defaults.ERROR_403_TEMPLATE_NAME),
    404: (defaults.page_not_found, defaults.ERROR_404_TEMPLATE_NAME),
    500: (defaults.server_error, defaults.ERROR_500_TEMPLATE_NAME),
}


#: To tell Django's own function from one that somebody put in its place.
_DJANGOS = handlers_exception.response_for_exception


async def response_for(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Return Django's response for ``exception``, which must be the one being handled."""
    answer = handlers_exception.response_for_exception
    if answer is _DJANGOS and _is_answered_in_memory(request, exception):
        return answer(request, exception)
    response: HttpResponseBase = await run_for(request, exception, answer, request, exception)
    return response


async def run_for(
    request: HttpRequest, exception: Exception, func: Callable[..., Any], *args: Any
) -> Any:
    """Run ``func``, which may make a response, in a worker while ``exception`` is being handled: one hop.

    If the request has waited for a worker in vain, then at once, above the limit.
    """
    if not isinstance(exception, WorkerTimeout):
        with contextlib.suppress(WorkerTimeout):
            return await run_for_response(request, func, *args)
    traceback = exception.__traceback__
    try:
        # Where a wait has ended with another one, Python has forgotten this one.
        raise exception  # noqa: TRY301
    except Exception:
        exception.__traceback__ = traceback
        return await run_although_busy(_noting, request, func, *args)


def _noting(request: HttpRequest, func: Callable[..., Any], *args: Any) -> Any:
    response = func(*args)
    note(request, response)
    return response


def warm() -> None:
    """Look for the error templates once, so that those that do not exist are known as missing."""
    for _, template_name in _VIEWS.values():
        try:
            template_loader.get_template(template_name)
        except Exception:  # noqa: S112
            continue  # A broken template is the error view's to report, as on stock Django.


def _is_answered_in_memory(request: HttpRequest, exception: Exception) -> bool:
    status, logger, level = _classify(exception)
    view, template_name = _VIEWS[status]
    return (
        not settings.DEBUG
        and not got_request_exception.receivers
        and not settings.CSRF_USE_SESSIONS
        and not needs_check(request, view)
        and _is_error_view(status)
        and _is_known_missing(template_name)
        and (logger is None or emits_locally(logger, level))
    )


def _classify(exception: Exception) -> tuple[int, str | None, int]:
    """Return status, logger and level that ``response_for_exception()`` uses for ``exception``."""
    if isinstance(exception, Http404):
        return 404, None, logging.WARNING
    if isinstance(exception, PermissionDenied):
        return 403, "django.request", logging.WARNING
    if isinstance(exception, MultiPartParserError | BadRequest):
        return 400, "django.request", logging.WARNING
    if isinstance(exception, SuspiciousOperation):
        return 400, f"django.security.{type(exception).__name__}", logging.ERROR
    return 500, "django.request", logging.ERROR


def _is_error_view(status: int) -> bool:
    try:
        return get_resolver(get_urlconf()).resolve_error_handler(status) is _VIEWS[status][0]
    except Exception:
        return False  # Django reports it, in a thread.


def _is_known_missing(template_name: str) -> bool:
    """Whether every engine has cached that the template does not exist, so none will look for it."""
    try:
        return all(_misses(engine, template_name) for engine in engines.all())
    except Exception:
        return False  # Django reports it, in a thread.


def _misses(engine: object, template_name: str) -> bool:
    return type(engine) is DjangoTemplates and all(
        type(loader) is cached.Loader
        and _is_miss(loader.get_template_cache.get(loader.cache_key(template_name)))
        for loader in engine.engine.template_loaders
    )


def _is_miss(entry: object) -> bool:
    return isinstance(entry, TemplateDoesNotExist) or entry is TemplateDoesNotExist
