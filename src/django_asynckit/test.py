"""Test clients that run our handler's path; Django's own have handlers of their own."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.test import client

from django_asynckit._bridge import to_sync
from django_asynckit.handler.base import AsyncHandlerMixin
from django_asynckit.handler.error_views import await_error_views


class _TestHandlerMixin(AsyncHandlerMixin):
    """Handles requests that no server has sent."""

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        with await_error_views():
            return await super().get_response_async(request)


class ClientHandler(_TestHandlerMixin, client.ClientHandler):
    """Django's ``ClientHandler`` around the async chain."""

    def get_response(self, request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = to_sync(self.get_response_async)(request)
        return response


class AsyncClientHandler(_TestHandlerMixin, client.AsyncClientHandler):
    """Django's ``AsyncClientHandler`` around our chain."""


class Client(client.Client):
    """Django's test client; requests go through the middleware, views and errors of our handler.

    Takes the arguments of :class:`django.test.Client`. The view runs in an event loop of its own,
    sync code on the thread of the test, so that it sees the transaction of a ``TestCase``.
    """

    def __init__(
        self,
        enforce_csrf_checks: bool = False,
        raise_request_exception: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(enforce_csrf_checks, raise_request_exception, **kwargs)
        self.handler = ClientHandler(enforce_csrf_checks)


class AsyncClient(client.AsyncClient):
    """Django's async test client; requests go through the middleware, views and errors of our handler.

    Takes the arguments of :class:`django.test.AsyncClient`.
    """

    def __init__(
        self,
        enforce_csrf_checks: bool = False,
        raise_request_exception: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(enforce_csrf_checks, raise_request_exception, **kwargs)
        self.handler = AsyncClientHandler(enforce_csrf_checks)
