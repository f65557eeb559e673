"""Answers the ASGI lifespan protocol."""

from __future__ import annotations

from django_asynckit.types import Receive, Send


async def answer_lifespan(receive: Receive, send: Send) -> None:
    """Answer ``lifespan.startup`` and ``lifespan.shutdown``; nothing else relies on their arrival."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
