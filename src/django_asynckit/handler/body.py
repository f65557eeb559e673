"""Reads request bodies: in memory while they fit, on disk in a thread when they do not."""

from __future__ import annotations

import io
from tempfile import SpooledTemporaryFile
from typing import IO, cast

from django.core.exceptions import RequestAborted

from django_asynckit._bridge import run_in_pool, uninterrupted
from django_asynckit.conf import setting
from django_asynckit.middleware._requests import is_in_memory
from django_asynckit.types import Receive


async def read_body(receive: Receive) -> IO[bytes]:
    """Return the whole body as a file at its start.

    Raises ``RequestAborted`` if the client goes away before the end. A body larger than
    ``FILE_UPLOAD_MAX_MEMORY_SIZE`` bytes (never if that is 0) is written to a temporary file.
    """
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        body = message.get("body", b"")
        if _fits_in_memory(len(body)):
            return io.BytesIO(body)
    body = _Body()
    try:
        while True:
            if message["type"] == "http.disconnect":
                raise RequestAborted  # noqa: TRY301
            await body.write(message.get("body", b""))
            if not message.get("more_body", False):
                break
            message = await receive()
    except BaseException:
        await close_body(body.file)
        raise
    body.file.seek(0)
    return body.file


async def close_body(body_file: IO[bytes]) -> None:
    """Close a body; one on disk is deleted, in a thread."""
    if body_file.closed or is_in_memory(body_file):
        body_file.close()
    else:
        await uninterrupted(run_in_pool(body_file.close))


class _Body:
    """A body that is being received: in memory at first, in a file on disk when it has grown."""

    def __init__(self) -> None:
        self.file: IO[bytes] = io.BytesIO()

    async def write(self, data: bytes) -> None:
        if not is_in_memory(self.file):
            await uninterrupted(run_in_pool(self._append, data))
        elif _fits_in_memory(self.file.tell() + len(data)):
            self.file.write(data)
        else:
            await uninterrupted(run_in_pool(self._roll_over, data))

    def _append(self, data: bytes) -> None:
        self.file.write(data)
        self.file.flush()  # So that seek() has nothing to write on the event loop.

    def _roll_over(self, data: bytes) -> None:
        in_memory = cast("io.BytesIO", self.file)
        on_disk = SpooledTemporaryFile(max_size=1, mode="w+b")  # noqa: SIM115
        self.file = cast("IO[bytes]", on_disk)
        on_disk.rollover()
        on_disk.write(in_memory.getbuffer())
        self._append(data)


def _fits_in_memory(size: int) -> bool:
    limit = setting("FILE_UPLOAD_MAX_MEMORY_SIZE")
    return not limit or size <= limit
