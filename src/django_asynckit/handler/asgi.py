"""The ASGI handler: Django's, with 0 hops and 0 threads for a request in which nothing blocks."""

from __future__ import annotations

import asyncio
from typing import IO, Any

from django.core.exceptions import RequestAborted
from django.core.handlers import asgi
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix

from django_asynckit.handler import body, closing, sending
from django_asynckit.handler.base import AsyncHandlerMixin
from django_asynckit.handler.disconnect import CancelOnDisconnect
from django_asynckit.handler.lifespan import answer_lifespan
from django_asynckit.handler.signals import send_finished, send_started
from django_asynckit.types import Receive, Scope, Send
from django_asynckit.workers.context import begin, end


class ASGIHandler(AsyncHandlerMixin, asgi.ASGIHandler):
    """Django's ``ASGIHandler`` without thread hops where nothing blocks; it also answers lifespan.

    The methods that other packages instrument call ``super()``. Signals are sent with Django's
    class as their sender, which is what receivers compare.
    """

    #: Sender of ``request_started`` and ``request_finished``.
    sender: type[asgi.ASGIHandler] = asgi.ASGIHandler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await answer_lifespan(receive, send)
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
        lease = begin()
        try:
            set_script_prefix(asgi.get_script_prefix(scope))
            request, error_response = await self._start(scope, body_file)
            if request is None:
                await self._answer(error_response, send)
            else:
                await self._process(request, receive, send)
        finally:
            end(lease)
            await body.close_body(body_file)

    async def _start(self, scope: Scope, body_file: IO[bytes]) -> tuple[Any, Any]:
        try:
            await send_started(self.sender, scope=scope)
            return self.create_request(scope, body_file)
        except (Exception, asyncio.CancelledError):
            await send_finished(self.sender)
            raise

    async def read_body(self, receive: Receive) -> IO[bytes]:
        return await body.read_body(receive)

    async def run_get_response(self, request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = await super().run_get_response(request)
        response._handler_class = self.sender  # type: ignore[attr-defined]
        return response

    async def send_response(self, response: Any, send: Send) -> None:
        await sending.send_response(response, send, self.chunk_bytes)

    async def _answer(self, response: HttpResponseBase, send: Send) -> None:
        try:
            await self.send_response(response, send)
        finally:
            await closing.close(response)

    async def _process(self, request: HttpRequest, receive: Receive, send: Send) -> None:
        response: HttpResponseBase | None = None
        try:
            async with CancelOnDisconnect(self.listen_for_disconnect, receive):
                response = await self.run_get_response(request)
                await self.send_response(response, send)
        finally:
            if response is None:
                await closing.close_request(request)
                await send_finished(self.sender)
            else:
                await closing.close(response)
