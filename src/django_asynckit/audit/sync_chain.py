"""Says whether requests to sync views have a chain of their own under our handler, and if not, why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, MiddlewareNotUsed
from django.core.handlers import base
from django.utils.module_loading import import_string

from django_asynckit._compat import iscoroutinefunction, remote_user_reads_two_keys
from django_asynckit.audit.chain import make
from django_asynckit.conf import conf
from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.handler.base import AsyncHandlerMixin
from django_asynckit.handler.sync_chain import bound_to_async_mode
from django_asynckit.middleware._hooks import COLLECTED
from django_asynckit.middleware._mro import is_untouched

_SWITCH_ON: Final = "Set it to True: then a request to a sync view makes one hop."
_OVERRIDES: Final = "Do it around each request, in __call__(), or in a middleware."
_BOTH_MODES: Final = "Let it work in both modes: write a sync method for each async one, and leave sync_capable True."
_ASYNC_RESULT: Final = "Let it look at get_response, and return sync code around a sync one."
_TWICE: Final = "Let it register what there may be once outside of __init__(), or set ASYNCKIT_SYNC_CHAIN to False."
_REMOTE_USER: Final = "Upgrade to Django 6.1, where both modes read the same key of request.META."


@dataclass(frozen=True)
class SyncChain:
    """Whether there is one, and what keeps the site from having it."""

    exists: bool = False
    #: Why there is none.
    reason: str = ""
    #: What to do about that; empty where there is nothing to do.
    fix: str = ""

    @property
    def others(self) -> str:
        """What the requests are called that go through the async chain."""
        return "request to an async view" if self.exists else "request"


_THERE: Final = SyncChain(exists=True)
#: Where our handler was not reviewed for this Django.
NOT_OURS: Final = SyncChain(reason="Django's own handler is used, as asynckit.W001 says.")


def audit_sync_chain(overridden: Sequence[str], *, makes: bool) -> SyncChain:
    """Decide as our handler does; ``overridden`` are methods that the project's own handler overrides.

    ``makes`` says whether middleware may be made, as our handler makes it for a sync chain.
    """
    try:
        if not conf.sync_chain:
            is_possible = _look(overridden, makes=False).exists
            return SyncChain(
                reason="ASYNCKIT_SYNC_CHAIN is False.", fix=_SWITCH_ON if is_possible else ""
            )
        return _look(overridden, makes=makes)
    except ImproperlyConfigured as error:
        return SyncChain(reason=str(error))
    except Exception:  # A middleware may be any object, or none: other findings tell.
        return SyncChain(reason="Not every middleware of MIDDLEWARE can be looked at.")


def _look(overridden: Sequence[str], *, makes: bool) -> SyncChain:
    if overridden:
        names = " and ".join(f"{name}()" for name in overridden)
        return SyncChain(
            reason=f"The handler of this site has methods of its own: {names}.", fix=_OVERRIDES
        )
    bound = bound_to_async_mode()
    if bound:
        return _bound(bound)
    if tool := _instrumenting():
        reason = (
            f"{tool} replaces get_response_async() of Django's handler, and wants to be called."
        )
        return SyncChain(reason=reason)
    if makes:
        return next(filter(None, map(_made, settings.MIDDLEWARE)), _THERE)
    return _THERE


def _bound(paths: Sequence[str]) -> SyncChain:
    factories = [import_string(path) for path in paths]
    reads_two = [isinstance(one, type) and remote_user_reads_two_keys(one) for one in factories]
    fix = _REMOTE_USER if all(reads_two) else _BOTH_MODES
    reason = f"{' and '.join(paths)} may answer otherwise, or not at all, in sync mode."
    return SyncChain(reason=reason, fix=fix)


def _instrumenting() -> str:
    """Return the module of a tool whose method our handler must call, as Sentry's; empty if there is none."""
    handler = object.__new__(ASGIHandler)
    method: Any = super(AsyncHandlerMixin, handler).get_response_async
    if is_untouched(method, base):
        return ""
    function = getattr(method, "__func__", method)
    names = getattr(function, "__globals__", {})
    return str(names.get("__name__") or type(function).__module__)


def _made(path: str) -> SyncChain | None:
    """Make one around sync code, after the other chains, and return what shows only then."""
    try:
        middleware = make(import_string(path), is_async=False)
    except MiddlewareNotUsed:
        return None
    except Exception as error:
        reason = f"{path} cannot be made twice: {type(error).__name__}: {error}"
        return SyncChain(reason=reason, fix=_TWICE)
    adapted = [middleware, *(getattr(middleware, name, None) for name in COLLECTED)]
    if any(map(iscoroutinefunction, adapted)):
        return SyncChain(reason=f"{path} is async, also around sync code.", fix=_ASYNC_RESULT)
    return None
