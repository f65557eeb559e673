"""Whether reading ``request.POST`` blocks."""

from __future__ import annotations

import io
from tempfile import SpooledTemporaryFile
from typing import IO, Any, Final

from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest

#: Bytes of an urlencoded body that are parsed on the event loop: well under a millisecond.
SMALL_BODY: Final = 2**16


def parses_post_in_memory(request: HttpRequest) -> bool:
    """Whether Django reads ``request.POST`` with no I/O and little work."""
    if request.method != "POST" or hasattr(request, "_post"):
        return True
    cls: Any = type(request)
    if (
        getattr(cls, "POST", None) not in (ASGIRequest.POST, WSGIRequest.POST)
        or cls._load_post_and_files is not HttpRequest._load_post_and_files
        or cls.body is not HttpRequest.body
    ):
        return False  # Somebody else's parser.
    if request.content_type == "multipart/form-data":
        return False  # Upload handlers run.
    if request.content_type != "application/x-www-form-urlencoded":
        return True  # Nothing is parsed.
    if hasattr(request, "_body"):
        return len(request.body) <= SMALL_BODY
    return _is_small(request._stream)


def is_in_memory(stream: object) -> bool:
    """Whether ``stream`` is a request body that was not written to disk."""
    if isinstance(stream, io.BytesIO):  # Quicker than the other, which is an abstract class.
        return True
    return isinstance(stream, SpooledTemporaryFile) and not stream._rolled  # type: ignore[attr-defined]


def _is_small(stream: IO[bytes]) -> bool:
    if not is_in_memory(stream):
        return False
    position = stream.tell()
    size = stream.seek(0, io.SEEK_END)
    stream.seek(position)
    return size <= SMALL_BODY
