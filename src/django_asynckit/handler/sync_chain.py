"""The sync chain: a request to a sync view goes through Django's own sync handler, whole, in one hop."""

from __future__ import annotations

import logging
import threading
from types import TracebackType
from typing import Any, Final

from django.conf import settings
from django.core.handlers import base
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import ResolverMatch, get_resolver
from django.utils.module_loading import import_string

from django_asynckit._compat import iscoroutinefunction
from django_asynckit.conf import conf, setting
from django_asynckit.handler.closing import ends_on_the_loop
from django_asynckit.handler.loading import djangos_middleware
from django_asynckit.handler.modes import works_in_both_modes
from django_asynckit.handler.urls import active_translation, is_same_language
from django_asynckit.workers.context import end_with_this_call

logger = logging.getLogger("django_asynckit")

_MATCH: Final = "_asynckit_match"
#: What a handler of the user's may override, so that only its own chain does it.
METHODS: Final = (
    "_get_response",
    "_get_response_async",
    "adapt_method_mode",
    "check_response",
    "get_response_async",
    "load_middleware",
    "make_view_atomic",
    "process_exception_by_middleware",
    "resolve_request",
)


class _AsyncOnly(Exception):
    """A middleware is, or has a hook that is, a coroutine function also around a sync chain."""


class SyncChain(base.BaseHandler):
    """Django's handler for sync requests. It is made in a thread, when the first request comes.

    ``takes_unknown`` says whether a request goes here whose path belongs to no view.
    """

    _middleware_chain: Any = None

    def __init__(self, *, takes_unknown: bool) -> None:
        self._takes_unknown = takes_unknown
        self._lock = threading.RLock()
        #: Whether it cannot be made, so that the site has one chain.
        self.is_broken = False

    def takes(self, request: HttpRequest) -> bool:
        """Whether ``request`` goes here: as far as its path tells, before any middleware, to a sync view.

        A guess: middleware may choose another URLconf or language. Either chain serves either view.
        """
        if self.is_broken:
            return False
        try:
            match = get_resolver(setting("ROOT_URLCONF")).resolve(request.path_info)
        except (
            Exception
        ):  # There is none, or a converter queries: its error comes where Django resolves.
            return self._takes_unknown
        vars(request)[_MATCH] = (match, request.path_info, active_translation())
        return not iscoroutinefunction(match.func)

    def get_response(  # type: ignore[override]
        self, request: HttpRequest, is_last: bool = False
    ) -> HttpResponseBase | None:
        """Return the response, or ``None`` if the chain cannot be made; in the request's worker.

        ``is_last`` says that after it nobody but the response itself may need the worker.
        """
        if self._middleware_chain is None:
            self._make()
        if self.is_broken:
            return None
        response = super().get_response(request)
        if is_last and ends_on_the_loop(response):
            end_with_this_call()
        return response

    def resolve_request(self, request: HttpRequest) -> ResolverMatch:
        """Resolve with Django's own, unless :meth:`takes` has, and nothing has changed since."""
        return take_match(request) or super().resolve_request(request)

    def adapt_method_mode(self, is_async: bool, method: Any, *args: Any, **kwargs: Any) -> Any:
        """Adapt nothing: what is async here says so only now that it is made, and keeps one chain."""
        if iscoroutinefunction(method):
            raise _AsyncOnly
        return super().adapt_method_mode(is_async, method, *args, **kwargs)

    def _make(self) -> None:
        with self._lock, djangos_middleware():
            if self._middleware_chain is not None or self.is_broken:
                return
            try:
                self.load_middleware()
            except _AsyncOnly:
                self.is_broken = True
            except Exception as error:
                self.is_broken = True
                logger.warning(
                    "%s cannot be made twice, so requests to sync views go through the chain for async "
                    "views, with more hops. Mend that, or set ASYNCKIT_SYNC_CHAIN = False.",
                    _path_of(error.__traceback__),
                    exc_info=True,
                )


def sync_chain_for(handler: Any, *, takes_unknown: bool) -> SyncChain | None:
    """Return the sync chain beside the chain of ``handler``, if the site is to have one."""
    if not conf.sync_chain or overridden_in(type(handler)) or bound_to_async_mode():
        return None
    return SyncChain(takes_unknown=takes_unknown)


def overridden_in(cls: type) -> list[str]:
    """Return the methods which the handler ``cls`` overrides, so that it keeps one chain."""
    return [name for name in METHODS if not _is_known(cls, name)]


def bound_to_async_mode() -> list[str]:
    """Return the middleware that may answer otherwise in sync mode, so that the site keeps one chain."""
    return [path for path in settings.MIDDLEWARE if not works_in_both_modes(import_string(path))]


def take_match(request: HttpRequest) -> ResolverMatch | None:
    """Return what the path of ``request`` was resolved to before, once, and if it still would be."""
    kept = vars(request).pop(_MATCH, None)
    if kept is None or hasattr(request, "urlconf"):
        return None
    match, path, translation = kept
    now = active_translation()
    if path != request.path_info or not (now is translation or is_same_language(now, translation)):
        return None
    request.resolver_match = match
    found: ResolverMatch = match
    return found


def _is_known(cls: type, name: str) -> bool:
    """Whether the method is one of Django's or of ours."""
    owner = next(one for one in cls.__mro__ if name in vars(one))
    return owner.__module__.startswith(("django.", "django_asynckit."))


def _path_of(traceback: TracebackType | None) -> str:
    """Return the path of the middleware that was being made."""
    while traceback is not None:
        names = traceback.tb_frame.f_locals
        if "middleware_path" in names:
            return str(names["middleware_path"])
        traceback = traceback.tb_next
    return "The middleware"
