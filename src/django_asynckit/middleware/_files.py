"""A file that is read in a thread, part by part; the first part in the hop that opened it."""

from __future__ import annotations

import io
from collections.abc import AsyncGenerator
from typing import Any, Final

from django_asynckit._bridge import run_in_pool, uninterrupted

#: Bytes that are read in one hop, and so the most that a response that is being sent has in memory.
PART: Final = 2**18


class OpenedFile:
    """Reads ahead in ``file``, and closes it as soon as its end is seen: a small one needs no more hop.

    Sync code reads it like any file. To make one reads from ``file``, so do it in a thread.
    """

    def __init__(self, file: Any) -> None:
        #: ``None`` when all of it was read.
        self._file: Any = file
        self._ahead = io.BytesIO(self._next_part())

    def _next_part(self) -> bytes:
        try:
            part: bytes = self._file.read(PART)
        except BaseException:
            self.close()
            raise
        if len(part) < PART:
            self.close()
        return part

    @property
    def closed(self) -> bool:
        """Whether the file was closed; what was read ahead is there still."""
        return self._file is None

    def read(self, size: int = -1) -> bytes:
        """Return at most ``size`` bytes, or all that is left."""
        ahead = self._ahead.read(size)
        if self._file is None or (ahead and size >= 0):
            return ahead
        more: bytes = self._file.read(size)
        return ahead + more

    def close(self) -> None:
        """Close the file, if it is not."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    async def parts(self) -> AsyncGenerator[bytes, None]:
        """Yield what is left, one hop for each part that was not read ahead; then the file is closed."""
        try:
            part, self._ahead = self._ahead.read(), io.BytesIO()
            while part or not self.closed:
                if part:
                    yield part
                # To its end, so that nobody closes the file under a thread that reads it.
                part = b"" if self.closed else await uninterrupted(run_in_pool(self._next_part))
        finally:
            if not self.closed:  # The client went away.
                await uninterrupted(run_in_pool(self.close))
