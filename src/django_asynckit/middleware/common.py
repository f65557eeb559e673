"""Drop-in for ``django.middleware.common``."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest
from django.middleware import common

from django_asynckit._bridge import run_beside, run_in_worker
from django_asynckit.conf import setting
from django_asynckit.middleware._headers import header_store
from django_asynckit.middleware._hooks import non_blocking
from django_asynckit.middleware._hosts import ValidHosts
from django_asynckit.middleware._mro import is_untouched
from django_asynckit.middleware.mixin import AsyncMiddlewareMixin
from django_asynckit.types import GetResponse

_DJANGOS_MAIL: Final = "django.core.mail.backends."


class CommonMiddleware(AsyncMiddlewareMixin, common.CommonMiddleware):
    """Django's class; both hooks run inline, since they only look at headers and the URLconf."""

    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        super().__init__(get_response)
        self._valid_hosts = ValidHosts()

    @non_blocking
    def process_request(self, request: HttpRequest) -> Any:
        hook = super().process_request
        if (
            not (self.async_mode and is_untouched(hook, common))
            or setting("DISALLOWED_USER_AGENTS")
            or setting("PREPEND_WWW")
        ):
            return hook(request)
        if not self._valid_hosts.knows(request):  # Else Django's hook would do nothing.
            hook(request)  # Raises for a host that is not allowed.
            self._valid_hosts.remember(request)
        return None

    @non_blocking
    def process_response(self, request: HttpRequest, response: Any) -> Any:
        hook = super().process_response
        shortens = self.async_mode and is_untouched(hook, common)
        store = header_store(response) if shortens else None
        if store is None or response.status_code == 404:
            return hook(request, response)
        if not response.streaming and "content-length" not in store:
            store["content-length"] = ("Content-Length", str(len(response.content)))
        return response


class BrokenLinkEmailsMiddleware(AsyncMiddlewareMixin, common.BrokenLinkEmailsMiddleware):
    """Django's class; it leaves the event loop only to send an email, beside other code.

    An email backend that is not Django's, and may use the database, runs in the request's thread.
    """

    async_capable = True

    async def aprocess_response(self, request: HttpRequest, response: Any) -> Any:
        if response.status_code != 404 or settings.DEBUG or self._is_ignorable(request):
            return response  # Django's hook would do nothing.
        run = run_beside if _sends_without_database() else run_in_worker
        return await run(super().process_response, request, response)

    def _is_ignorable(self, request: HttpRequest) -> bool:
        return self.is_ignorable_request(
            request,
            request.get_full_path(),
            request.get_host(),
            request.META.get("HTTP_REFERER", ""),
        )


def _sends_without_database() -> bool:
    mailers = getattr(settings, "MAILERS", None)
    if mailers is None:
        # Asked in this way, since Django 6.1 warns code that is not its own.
        paths = [settings._wrapped.EMAIL_BACKEND]  # type: ignore[misc]
    else:
        paths = [mailer.get("BACKEND", _DJANGOS_MAIL) for mailer in mailers.values()]
    return all(path.startswith(_DJANGOS_MAIL) for path in paths)
