"""Drop-in for ``django.middleware.locale``."""

from __future__ import annotations

import contextlib
from typing import Any

from django.conf import settings
from django.conf.urls.i18n import is_language_prefix_patterns_used
from django.http import HttpRequest
from django.middleware import locale
from django.utils import translation
from django.utils.translation import trans_real

from django_asynckit._bridge import run_in_worker
from django_asynckit.conf import setting
from django_asynckit.middleware._hooks import non_blocking
from django_asynckit.middleware.mixin import AsyncMiddlewareMixin
from django_asynckit.types import GetResponse


class LocaleMiddleware(AsyncMiddlewareMixin, locale.LocaleMiddleware):
    """Django's class; it leaves the event loop once for each language, to read its files.

    The default language is read when the middleware is made under ASGI. Others are read at the
    first request for them: reading all of Django's hundred would delay each start by a second.
    """

    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        super().__init__(get_response)
        if self.async_mode and has_files():
            _read_default_language()

    async def aprocess_request(self, request: HttpRequest) -> None:
        if not has_files():
            super().process_request(request)
        elif _may_look_at_disk(request) or not is_read(language := _language_of(request)):
            await run_in_worker(super().process_request, request)
        else:
            translation.activate(language)
            request.LANGUAGE_CODE = translation.get_language()

    @non_blocking
    def process_response(self, request: HttpRequest, response: Any) -> Any:
        return super().process_response(request, response)


def has_files() -> bool:
    """Whether Django translates at all; it asks for ``USE_I18N`` once."""
    activate: object = translation._trans.activate  # type: ignore[attr-defined]
    return activate is trans_real.activate


def _read_default_language() -> None:
    """Let Django find out, and keep, which languages have files; and read those of the default one."""
    for code in trans_real.get_languages():
        trans_real.check_for_language(code)
    with contextlib.suppress(OSError):  # There are no such files, which a request reports.
        trans_real.translation(settings.LANGUAGE_CODE)
        trans_real.translation(translation.get_language_from_request(HttpRequest()))


def _may_look_at_disk(request: HttpRequest) -> bool:
    """Whether ``request`` spells a language in a way of its own, like ``EN``: Django looks for its files."""
    prefix = trans_real.language_code_prefix_re.match(request.path_info)
    codes = (request.COOKIES.get(setting("LANGUAGE_COOKIE_NAME")), prefix and prefix[1])
    return any(code and not code.islower() and _is_language(code.lower()) for code in codes)


def _is_language(code: str) -> bool:
    generic = code.partition("-")[0]
    return any(known.partition("-")[0] == generic for known in trans_real.get_languages())


def is_read(language: str) -> bool:
    return language in trans_real._translations  # type: ignore[attr-defined]


def _language_of(request: HttpRequest) -> str:
    """Return the language that Django's ``process_request()`` would activate."""
    urlconf = getattr(request, "urlconf", setting("ROOT_URLCONF"))
    in_urls, default_in_urls = is_language_prefix_patterns_used(urlconf)
    if (
        in_urls
        and not default_in_urls
        and not translation.get_language_from_path(request.path_info)
    ):
        return settings.LANGUAGE_CODE
    return translation.get_language_from_request(request, check_path=in_urls)
