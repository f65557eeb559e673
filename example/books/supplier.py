"""Suppliers that answer slowly over TCP, and how the shop asks them."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

DELAYS = {"Quick Books": 0.1, "Old Paper": 0.2, "Far Away": 0.3}


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A supplier's side: read "name pk", think, say how many copies there are."""
    name, pk = (await reader.readline()).decode().strip().rsplit(" ", 1)
    await asyncio.sleep(DELAYS[name])
    writer.write(b"%d\n" % (int(pk) * len(name) % 7))
    await writer.drain()
    writer.close()


@asynccontextmanager
async def suppliers() -> AsyncIterator[int]:
    """Their port. They stand for services elsewhere, and live only while asked, so that the site needs no other process."""
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def ask(port: int, name: str, pk: int) -> tuple[str, int]:
    """The shop's side: one supplier's name and number of copies."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{name} {pk}\n".encode())
    copies = int(await reader.readline())
    writer.close()
    return name, copies


async def ask_all(pk: int) -> list[tuple[str, int]]:
    """All suppliers at once: as slow as the slowest, not as all together."""
    async with suppliers() as port:
        return await asyncio.gather(*(ask(port, name, pk) for name in DELAYS))
