"""Drop-in for ``django.contrib.messages.middleware``."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib.messages import middleware
from django.contrib.messages.storage import default_storage
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.messages.storage.session import SessionStorage
from django.http import HttpRequest
from django.utils.functional import empty

from django_asynckit._bridge import run_in_worker
from django_asynckit.conf import setting
from django_asynckit.dropins import dotted_path
from django_asynckit.middleware._lazy import lazy
from django_asynckit.middleware._mro import is_untouched
from django_asynckit.middleware._sessions import is_loaded_or_empty
from django_asynckit.middleware.mixin import AsyncMiddlewareMixin

_DJANGOS = (FallbackStorage, CookieStorage, SessionStorage)
_DJANGOS_PATHS = frozenset(map(dotted_path, _DJANGOS))


class MessageMiddleware(AsyncMiddlewareMixin, middleware.MessageMiddleware):
    """Django's class; it leaves the event loop only where messages may touch an unread session.

    Django's own storages are made when they are first used. A storage that is not Django's own is
    made and updated in the request's thread.
    """

    async_capable = True

    async def aprocess_request(self, request: HttpRequest) -> None:
        hook = super().process_request
        if setting("MESSAGE_STORAGE") not in _DJANGOS_PATHS:
            await run_in_worker(hook, request)
        elif hasattr(request, "session") and is_untouched(hook, middleware):
            storage = lazy(partial(default_storage, request))
            request._messages = request._asynckit_messages = storage  # type: ignore[attr-defined]
        else:
            hook(request)  # Raises where the storage needs a session.

    async def aprocess_response(self, request: HttpRequest, response: Any) -> Any:
        hook = super().process_response
        storage = getattr(request, "_messages", None)
        if storage is not None and storage is getattr(request, "_asynckit_messages", None):
            storage = storage.__dict__["_wrapped"]
        if storage is empty and is_untouched(hook, middleware):
            return response  # Never used: Django's hook would do nothing.
        if storage is None or storage is empty or _updates_in_memory(storage, request):
            return hook(request, response)
        return await run_in_worker(hook, request, response)


def _updates_in_memory(storage: Any, request: HttpRequest) -> bool:
    if type(storage) not in _DJANGOS:
        return False
    if not (storage.used or storage.added_new) or type(storage) is CookieStorage:
        return True
    return is_loaded_or_empty(request)
