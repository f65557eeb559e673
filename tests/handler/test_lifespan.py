"""Lifespan is answered; other protocols are refused as by Django."""

from __future__ import annotations

import pytest
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler

from django_asynckit.handler.asgi import ASGIHandler
from tests.handler.tools import build


async def exchange(*types):
    received, sent = list(types), []

    async def receive():
        return {"type": received.pop(0)}

    async def send(message):
        sent.append(message)

    await build()({"type": "lifespan"}, receive, send)
    return sent


async def test_startup_and_shutdown_are_answered():
    sent = await exchange("lifespan.startup", "lifespan.shutdown")
    assert sent == [
        {"type": "lifespan.startup.complete"},
        {"type": "lifespan.shutdown.complete"},
    ]


async def test_a_shutdown_alone_is_answered():
    assert await exchange("lifespan.shutdown") == [{"type": "lifespan.shutdown.complete"}]


@pytest.mark.parametrize("handler_class", [DjangoASGIHandler, ASGIHandler], ids=["stock", "ours"])
async def test_websockets_are_refused(handler_class):
    with pytest.raises(
        ValueError,
        match=r"^Django can only handle ASGI/HTTP connections, not websocket\.$",
    ):
        await handler_class()({"type": "websocket"}, None, None)
