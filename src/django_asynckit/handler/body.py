"""Reads request bodies: in memory while they fit, on disk in a thread when they do not."""

from __future__ import annotations

import io
from tempfile import SpooledTemporaryFile
from typing import IO, cast

from django.core.exceptions import RequestAborted

from django_asynckit._bridge import run_in_pool
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
    body_file: IO[bytes] = io.BytesIO()
    try:
        while True:
            if message["type"] == "http.disconnect":
                raise RequestAborted
            body_file = await _write(body_file, message.get("body", b""))
            if not message.get("more_body", False):
                break
            message = await receive()
    except BaseException:
        await close_body(body_file)
        raise
    body_file.seek(0)
    return body_file


async def close_body(body_file: IO[bytes]) -> None:
    """Close a body; one on disk is deleted, in a thread."""
    if body_file.closed or is_in_memory(body_file):
        body_file.close()
    else:
        await run_in_pool(body_file.close)


async def _write(body_file: IO[bytes], data: bytes) -> IO[bytes]:
    if is_in_memory(body_file):
        if _fits_in_memory(body_file.tell() + len(data)):
            body_file.write(data)
            return body_file
        return await run_in_pool(_roll_over, cast("io.BytesIO", body_file), data)
    await run_in_pool(body_file.write, data)
    return body_file


def _roll_over(body_file: io.BytesIO, data: bytes) -> IO[bytes]:
    on_disk = SpooledTemporaryFile(
        max_size=setting("FILE_UPLOAD_MAX_MEMORY_SIZE"), mode="w+b"
    )
    on_disk.rollover()
    on_disk.write(body_file.getbuffer())
    on_disk.write(data)
    return cast("IO[bytes]", on_disk)


def _fits_in_memory(size: int) -> bool:
    limit = setting("FILE_UPLOAD_MAX_MEMORY_SIZE")
    return not limit or size <= limit
