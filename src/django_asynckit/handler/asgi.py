"""The ASGI handler: Django's, with 0 hops and 0 threads for a request in which nothing blocks."""

from __future__ import annotations

import asyncio
from typing import IO, Any

from django.core.exceptions import RequestAborted
from django.core.handlers import asgi
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from django_asynckit.handler import body, closing, requests, sending
from django_asynckit.handler.base import AsyncHandlerMixin
from django_asynckit.handler.disconnect import CancelOnDisconnect
from django_asynckit.handler.lifespan import answer_lifespan
from django_asynckit.handler.signals import FINISHED, send_finished, send_started
from django_asynckit.handler.urls import set_script_prefix
from django_asynckit.middleware._mro import is_untouched
from django_asynckit.middleware._responses import keep_responses
from django_asynckit.types import Receive, Scope, Send
from django_asynckit.workers.context import RequestLease


class ASGIHandler(AsyncHandlerMixin, asgi.ASGIHandler):
    """Django's ``ASGIHandler`` without thread hops where nothing blocks; it also answers lifespan.

    The methods that other packages instrument call ``super()``. Signals are sent with Django's
    class as their sender, which is what receivers compare. A subclass is its own sender, as a
    subclass of Django's is.
    """

    #: Sender of ``request_started`` and ``request_finished``.
    sender: type[asgi.ASGIHandler] = asgi.ASGIHandler

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "sender" not in cls.__dict__:
            cls.sender = cls

    def __init__(self) -> None:
        super().__init__()
        requests.warm()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await answer_lifespan(receive, send)
        elif scope["type"] == "http" and is_untouched(super().__call__, asgi):
            await self.handle(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)  # type: ignore[arg-type]

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request: read it, run the chain, send the response, close everything.

        Unlike Django's, it closes the response and sends ``request_finished`` also when the
        server cancels the request or sending fails.
        """
        try:
            body_file = await self.read_body(receive)
        except RequestAborted:
            return
        try:
            with RequestLease():
                set_script_prefix(asgi.get_script_prefix(scope))
                request, error_response = await self._start(scope, body_file)
                if request is None:
                    await self._answer(error_response, send)
                else:
                    await self._process(request, receive, send)
        finally:
            await body.close_body(body_file)

    async def _start(self, scope: Scope, body_file: IO[bytes]) -> tuple[Any, Any]:
        try:
            await send_started(self.sender, scope=scope)
            return self._make_request(scope, body_file) or self.create_request(scope, body_file)
        except (Exception, asyncio.CancelledError):
            await send_finished(self.sender)
            raise

    def _make_request(self, scope: Scope, body_file: IO[bytes]) -> tuple[Any, None] | None:
        if is_untouched(self.create_request, asgi) and requests.is_djangos(self.request_class):
            request = requests.make_request(scope, body_file)
            return None if request is None else (request, None)
        return None

    async def read_body(self, receive: Receive) -> IO[bytes]:
        return await body.read_body(receive)

    async def run_get_response(self, request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = await super().run_get_response(request)
        response._handler_class = self.sender  # type: ignore[attr-defined]
        return response

    async def send_response(self, response: Any, send: Send) -> None:
        await sending.send_response(response, send, self.chunk_bytes)

    def _needs_no_worker_after(self) -> bool:
        # A handler of the user's may have more to do there, on the connection that middleware prepared.
        return type(self) is ASGIHandler and FINISHED.look(self.sender) == (False, False)

    async def _answer(self, response: HttpResponseBase, send: Send) -> None:
        try:
            await self.send_response(response, send)
        finally:
            await closing.close(response)

    async def _process(self, request: HttpRequest, receive: Receive, send: Send) -> None:
        response: HttpResponseBase | None = None
        made = keep_responses(request)
        try:
            async with CancelOnDisconnect(self.listen_for_disconnect, receive):
                response = await self.run_get_response(request)
                await self.send_response(response, send)
        finally:
            if response is None:
                await closing.close_unanswered(request, made, self.sender)
            else:
                lost = made.end_with(response)
                try:
                    await closing.close(response)
                finally:
                    if lost:
                        await closing.close_lost(lost)
