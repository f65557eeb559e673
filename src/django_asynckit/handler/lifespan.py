"""Answers the ASGI lifespan protocol."""

from __future__ import annotations

from django_asynckit._bridge import run_in_pool
from django_asynckit.types import Receive, Send
from django_asynckit.workers.process import JOIN_SECONDS
from django_asynckit.workers.routes import POOL


async def answer_lifespan(receive: Receive, send: Send) -> None:
    """Answer ``lifespan.startup`` and ``lifespan.shutdown`` (the workers end);
    nothing else relies on their arrival."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.shutdown":
            await run_in_pool(POOL.shut_down, JOIN_SECONDS)
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
