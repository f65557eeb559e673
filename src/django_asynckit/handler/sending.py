"""Sends a response out over ASGI."""

from __future__ import annotations

import contextvars
import io
import itertools
import operator
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Iterator
from contextlib import aclosing
from typing import Any, Final

from django.http import FileResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase, ResponseHeaders

from django_asynckit._bridge import run_in_context
from django_asynckit.middleware._files import OpenedFile
from django_asynckit.types import Send
from django_asynckit.workers.context import stream
from django_asynckit.workers.job import WaitingCall

#: Iterators that have all that they give in memory.
_BUILT_IN: Final[set[type]] = {type(iter(())), type(iter([]))}
Chunks = Callable[[bytes], Iterable[tuple[Any, bool]]]

#: Chunks of a local file that are read in one hop: at most 1 MiB is held in memory.
_FILE_BATCH: Final = 16


async def send_response(response: Any, send: Send, chunks: Chunks) -> None:
    """Send ``response``: the messages of Django's ``ASGIHandler.send_response()``.

    ``chunks`` cuts bytes into ``(chunk, is the last)``. A sync iterator is pulled in the request's
    thread, one chunk at a time.
    """
    await send(
        {
            "type": "http.response.start",
            "status": response.status_code,
            "headers": _encoded_headers(response),
        }
    )
    if not response.streaming:
        for chunk, last in chunks(response.content):
            await send({"type": "http.response.body", "body": chunk, "more_body": not last})
        return
    if not _is_empty(response):
        await _send_parts(_parts_of(response), send, chunks)
    await send({"type": "http.response.body"})


async def _send_parts(parts: AsyncGenerator[Any, None], send: Send, chunks: Chunks) -> None:
    async with aclosing(parts) as content:
        async for part in content:
            for chunk, _ in chunks(part):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})


def _is_empty(response: Any) -> bool:
    """Whether ``response`` is known to have nothing to give, such as that to a HEAD request."""
    return (
        _has_sync_iterator(response)
        and type(response).streaming_content is StreamingHttpResponse.streaming_content
        and type(response._iterator) in _BUILT_IN
        and not operator.length_hint(response._iterator)
    )


def _parts_of(response: Any) -> Any:
    if not _has_sync_iterator(response):
        stream()
        return aiter(response)
    file = getattr(response, "file_to_stream", None)
    if isinstance(file, OpenedFile):  # It needs no thread of the request's.
        stream()
        return file.parts()
    return _pull(response)


def pulled(response: HttpResponseBase) -> Pulled | None:
    """Return the sync iterator of ``response``, if it was pulled."""
    found: Pulled | None = response.__dict__.get("_asynckit_pulled")
    return found


def _has_sync_iterator(response: HttpResponseBase) -> bool:
    return (
        isinstance(response, StreamingHttpResponse)
        and type(response).__aiter__ is StreamingHttpResponse.__aiter__
        and not response.is_async
    )


def _encoded_headers(response: HttpResponseBase) -> list[tuple[bytes, bytes]]:
    if _keeps_strings(response):
        store = response.headers._store.values()
        headers = [(name.encode("ascii"), value.encode("latin1")) for name, value in store]
    else:
        items = response.items()
        headers = [(_encode(name, "ascii"), _encode(value, "latin1")) for name, value in items]
    if response.cookies:
        headers += [
            (b"Set-Cookie", cookie.OutputString().encode("ascii"))
            for cookie in response.cookies.values()
        ]
    return headers


def _keeps_strings(response: HttpResponseBase) -> bool:
    """Whether the headers are Django's own mapping, which keeps strings; ``items()`` looks up each."""
    return (
        type(response.headers) is ResponseHeaders and type(response).items is HttpResponseBase.items
    )


def _encode(value: Any, charset: str) -> bytes:
    return value.encode(charset) if isinstance(value, str) else bytes(value)


async def _pull(response: Any) -> AsyncGenerator[bytes, None]:
    """Pull one part at a time, each call in the same context: generators may hold tokens of it."""
    pull = response._asynckit_pulled = Pulled(response)
    while chunks := await _next_chunks(pull):
        for chunk in chunks:
            yield chunk


async def _next_chunks(pull: Pulled) -> list[bytes] | None:
    with WaitingCall():
        return await run_in_context(pull.context, _next, pull.parts)


class Pulled:
    """The sync iterator of a response, and the context in which it runs.

    The parts are a generator, so that all calls with it run in the thread in which it began.
    """

    def __init__(self, response: StreamingHttpResponse) -> None:
        self.context = contextvars.copy_context()
        self.parts = _parts(response, _FILE_BATCH if _reads_local_file(response) else 1)


def _parts(response: StreamingHttpResponse, count: int) -> Generator[list[bytes]]:
    iterator: Iterator[bytes] = iter(response.streaming_content)  # type: ignore[arg-type]
    while chunks := list(itertools.islice(iterator, count)):
        yield chunks


def _next(parts: Generator[list[bytes]]) -> list[bytes] | None:
    return next(parts, None)


def _reads_local_file(response: StreamingHttpResponse) -> bool:
    """Whether the next chunks are there to be read: they do not wait for each other."""
    return type(response) is FileResponse and isinstance(
        response.file_to_stream, io.BufferedReader | io.BytesIO
    )
