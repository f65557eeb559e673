"""Sends a response out over ASGI."""

from __future__ import annotations

import contextvars
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import aclosing
from typing import Any

from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase, ResponseHeaders

from django_asynckit._bridge import run_in_context
from django_asynckit.types import Send

Chunks = Callable[[bytes], Iterable[tuple[bytes, bool]]]
_END = object()


async def send_response(
    response: HttpResponseBase,
    send: Send,
    chunks: Chunks,
    context: contextvars.Context | None,
) -> None:
    """Send ``response``: the messages of Django's ``ASGIHandler.send_response()``.

    ``chunks`` cuts bytes into ``(chunk, is the last)``. ``context`` is where a sync iterator is
    pulled, chunk by chunk in the request's thread; ``None`` for any other response.
    """
    await send(
        {
            "type": "http.response.start",
            "status": response.status_code,
            "headers": _encoded_headers(response),
        }
    )
    if not response.streaming:
        for chunk, last in chunks(response.content):  # type: ignore[attr-defined]
            await send(
                {"type": "http.response.body", "body": chunk, "more_body": not last}
            )
        return
    parts = aiter(response) if context is None else _pull(response, context)  # type: ignore[call-overload]
    async with aclosing(parts) as content:
        async for part in content:
            for chunk, _ in chunks(part):
                await send(
                    {"type": "http.response.body", "body": chunk, "more_body": True}
                )
    await send({"type": "http.response.body"})


def context_for(response: HttpResponseBase) -> contextvars.Context | None:
    """Return a context to pull ``response`` in if it has a sync iterator, else ``None``."""
    if (
        isinstance(response, StreamingHttpResponse)
        and type(response).__aiter__ is StreamingHttpResponse.__aiter__
        and not response.is_async
    ):
        return contextvars.copy_context()
    return None


def _encoded_headers(response: HttpResponseBase) -> list[tuple[bytes, bytes]]:
    if _keeps_strings(response):
        store = response.headers._store.values()
        headers = [
            (name.encode("ascii"), value.encode("latin1")) for name, value in store
        ]
    else:
        items = response.items()
        headers = [
            (_encode(name, "ascii"), _encode(value, "latin1")) for name, value in items
        ]
    if response.cookies:
        headers += [
            (b"Set-Cookie", cookie.OutputString().encode("ascii"))
            for cookie in response.cookies.values()
        ]
    return headers


def _keeps_strings(response: HttpResponseBase) -> bool:
    """Whether the headers are Django's own mapping, which keeps strings; ``items()`` looks up each."""
    return (
        type(response.headers) is ResponseHeaders
        and type(response).items is HttpResponseBase.items
    )


def _encode(value: Any, charset: str) -> bytes:
    return value.encode(charset) if isinstance(value, str) else bytes(value)


async def _pull(
    response: StreamingHttpResponse, context: contextvars.Context
) -> AsyncIterator[bytes]:
    """Pull one chunk at a time, each call in the same context: generators may hold tokens of it."""
    iterator: Iterator[bytes] = await run_in_context(context, _open, response)
    while (part := await run_in_context(context, next, iterator, _END)) is not _END:
        yield part  # type: ignore[misc]


def _open(response: StreamingHttpResponse) -> Iterator[bytes]:
    return iter(response.streaming_content)  # type: ignore[arg-type]
