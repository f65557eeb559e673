"""Drop-in for ``whitenoise.middleware``; to be imported only where that package is installed."""

from __future__ import annotations

from types import FunctionType
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from whitenoise import middleware, responders  # type: ignore[import-not-found,import-untyped,unused-ignore]

from django_asynckit._bridge import run_in_worker
from django_asynckit._compat import iscoroutinefunction, markcoroutinefunction
from django_asynckit.middleware._files import OpenedFile
from django_asynckit.middleware._responses import run_for_response, run_in_pool_for_response
from django_asynckit.types import GetResponse


class WhiteNoiseMiddleware(middleware.WhiteNoiseMiddleware):  # type: ignore[misc]
    """WhiteNoise's class; it leaves the event loop only to open and to read a file.

    Which files there are was looked up when it was made. With ``WHITENOISE_AUTOREFRESH`` they are
    looked for in the request's thread.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse | None = None, settings: Any = settings) -> None:
        super().__init__(get_response, settings)
        self.async_mode = iscoroutinefunction(get_response)
        if self.async_mode:
            markcoroutinefunction(self)

    @staticmethod
    def may_stand_in() -> bool:
        """Whether the handler may put this class in the place of WhiteNoise's, with the settings in force.

        Not with ``WHITENOISE_AUTOREFRESH``, which follows ``DEBUG``: each request asks the file
        system then. Nor where somebody put a function of his own in the place of WhiteNoise's.
        """
        autorefresh = getattr(settings, "WHITENOISE_AUTOREFRESH", settings.DEBUG)
        return not autorefresh and _is_theirs(middleware.WhiteNoiseMiddleware.__call__)

    def __call__(self, request: HttpRequest) -> Any:
        if self.async_mode:
            return self.__acall__(request)
        return super().__call__(request)

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        if self.autorefresh:
            static_file = await run_in_worker(self.find_file, request.path_info)
        else:
            static_file = self.files.get(request.path_info)
        if static_file is None:
            return await self.get_response(request)  # type: ignore[no-any-return]
        return await self._serve(static_file, request)

    async def _serve(self, static_file: Any, request: HttpRequest) -> HttpResponseBase:
        if not _is_theirs(self.serve) or type(static_file) not in _THEIRS:
            return await run_for_response(request, self.serve, static_file, request)  # type: ignore[no-any-return]
        if _opens_file(static_file, request):
            static_file = _ReadAhead(static_file)
            return await run_in_pool_for_response(request, self.serve, static_file, request)  # type: ignore[no-any-return]
        return self.serve(static_file, request)  # type: ignore[no-any-return]


_THEIRS = (responders.StaticFile, responders.Redirect)


class _ReadAhead:
    """A static file whose first part is read when it is opened."""

    def __init__(self, static_file: Any) -> None:
        self._static_file = static_file

    def get_response(self, method: str, headers: dict[str, Any]) -> Any:
        """Return what WhiteNoise makes a response of, called by ``serve()``."""
        response = self._static_file.get_response(method, headers)
        if response.file is None:  # The range cannot be satisfied.
            return response
        return responders.Response(response.status, response.headers, OpenedFile(response.file))


def _opens_file(static_file: Any, request: HttpRequest) -> bool:
    """Whether ``get_response()`` opens a file; else it only looks at headers."""
    return (
        request.method == "GET"
        and type(static_file) is responders.StaticFile
        and not static_file.is_not_modified(request.META)
    )


def _is_theirs(function: Any) -> bool:
    """Whether ``function`` is WhiteNoise's own: not an override, nor one in its place."""
    return type(function) is FunctionType and function.__globals__ is vars(middleware)
